import { describe, expect, test } from 'vitest'
import { type Board, type BoardCard, breakIn, changed, longestWait, sorted } from './boardState'

const card = (id: string, over: Partial<BoardCard> = {}): BoardCard => ({
  booking_id: id,
  session_id: null,
  case_ref: id,
  briefing_id: null,
  country: 'RS',
  site: 's',
  language: 'apc',
  step_code: 'x',
  priority: 'P2',
  since: '2026-11-22T08:00:00Z',
  starts_at: null,
  rung: 1,
  rungs: 7,
  ringing: 0,
  interpreter_code: null,
  must: null,
  needs_you: null,
  line: null,
  callback: false,
  kept_back: false,
  break_at: null,
  paused: false,
  ...over,
})
const board = (over: Partial<Board> = {}): Board => ({
  at: '',
  waiting: [],
  ringing: [],
  live: [],
  numbers: { longest_wait_s: 0, typical_wait_s: 38, p90_wait_s: 112, n: 9, free_now: 2, live_now: 0, on_call: 0 },
  surge: [],
  talks: [],
  means: [],
  partners: [],
  ...over,
})

describe('board', () => {
  test('a card moves from lane to lane, stands in one at a time, and goes', () => {
    let now = board({ waiting: [card('a'), card('b')] })
    now = changed(now, { booking_id: 'a', lane: 'ringing', card: card('a', { ringing: 3 }), numbers: { free_now: 1 } })
    expect([now.waiting.length, now.ringing.length, now.numbers.free_now, now.numbers.typical_wait_s]).toEqual([1, 1, 1, 38])
    now = changed(now, { booking_id: 'a', lane: 'live', card: card('a'), numbers: null })
    expect([now.ringing.length, now.live.length]).toEqual([0, 1])
    now = changed(now, { booking_id: 'a', lane: 'gone', card: null })
    expect([now.waiting.length, now.ringing.length, now.live.length]).toEqual([1, 0, 0])
  })

  test('who needs a hand stands first, then priority, then the longest wait', () => {
    const cards = [
      card('late', { since: '2026-11-22T08:05:00Z' }),
      card('early'),
      card('urgent', { priority: 'P1', since: '2026-11-22T08:09:00Z' }),
      card('stuck', { priority: 'P4', needs_you: 'nobody_answered' }),
    ]
    expect(sorted('waiting', cards).map((one) => one.booking_id)).toEqual(['stuck', 'urgent', 'early', 'late'])
    expect(
      sorted('live', [card('ok', { line: 'good' }), card('off', { line: 'lost' }), card('poor', { line: 'weak' })]).map(
        (one) => one.booking_id,
      ),
    ).toEqual(['off', 'poor', 'ok'])
  })

  test('an overdue break stands before a weak line and after a lost one; a pause is no trouble', () => {
    const now = Date.parse('2026-11-22T09:00:00Z')
    const late = { break_at: '2026-11-22T08:58:00Z' }
    const cards = [
      card('weak', { line: 'weak' }),
      card('late', late),
      card('pausing', { ...late, paused: true }),
      card('off', { line: 'lost' }),
    ]
    expect(sorted('live', cards, now).map((one) => one.booking_id)).toEqual(['off', 'late', 'weak', 'pausing'])
    expect(breakIn(card('x', late), now)).toBe(-120)
    expect(breakIn(card('x', { ...late, paused: true }), now)).toBeUndefined()
  })

  test('the longest wait grows by itself, and there is none where nobody waits', () => {
    const numbers = { ...board().numbers, longest_wait_s: 240 }
    expect(longestWait(numbers, 1000, 13_500)).toBe(252)
    expect(longestWait(board().numbers, 1000, 60_000)).toBe(0)
  })
})

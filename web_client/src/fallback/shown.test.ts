import { describe, expect, it } from 'vitest'
import type { Ladder, Participant, PhoneStep } from '../realtime/protocol'
import { applied, type RoomState } from '../realtime/roomState'
import { shown } from './shown'

const now = Date.parse('2026-11-22T12:00:00Z')
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString()
const one = (id: string, part: Participant['part']): Participant => ({
  id,
  part,
  code: null,
  state: 'present',
  audio: true,
  video: true,
  has_audio: true,
  has_video: true,
  grade: 'good',
  speaking: false,
  since: at(-60),
})
const calm: Ladder = {
  version: 1,
  mode: 'open',
  medium: 'video',
  block_limit_min: 45,
  sound_only: false,
  phone: [],
  callable: ['booth'],
  offered: [],
  closed: [],
  agreement: null,
  stop: null,
  repeat: null,
}
function room(ladder: Partial<Ladder>, you = 'desk'): RoomState {
  return {
    session_id: 's',
    state: 'active',
    state_since: at(-60),
    pause_reason: null,
    mode: 'open',
    step_code: 'RS-ID-10',
    language: 'pes',
    language_confirmed: null,
    officer_language: 'srp',
    interpreting_s: 0,
    block_limit_min: 45,
    you,
    participants: [one('desk', 'officer'), one('booth', 'interpreter')],
    signals: [],
    log: [],
    case_ref: null,
    fallback: { ...calm, ...ladder },
    counted_at: at(0),
    closed: null,
  }
}
const step = (change: Partial<PhoneStep>): PhoneStep => ({
  place: 'booth',
  state: 'waiting',
  why: 'line_lost',
  at: at(12),
  browser: false,
  ...change,
})
const officer = { officer: true, lostSince: undefined, now, online: true }

describe('what of the ladder stands on the screen', () => {
  it('counts down to the call and then says that it is placed', () => {
    const waiting = room({ phone: [step({})] })
    expect(shown(waiting, officer)).toEqual([{ kind: 'wait', who: 'interpreter', place: 'booth', seconds: 12, local: false }])
    expect(shown(waiting, { ...officer, now: now + 13_000 })[0]).toMatchObject({ kind: 'ringing', state: 'placing' })
  })

  it('counts by itself where the socket is gone with the line', () => {
    const mine = room({}, 'booth')
    const seen = { officer: false, lostSince: now - 5000, now, online: false }
    expect(shown(mine, seen)).toEqual([{ kind: 'wait', who: 'me', place: 'booth', seconds: 15, local: true }])
    expect(shown(mine, { ...seen, lostSince: now - 30_000 })[0]).toMatchObject({ kind: 'ringing', who: 'me' })
    expect(shown({ ...mine, you: 'desk' }, { ...seen, officer: true })).toEqual([])
  })

  it('lets the one on the phone go back, and only when the page has its line', () => {
    const mine = room({ phone: [step({ state: 'in_room' })] }, 'booth')
    const seen = { ...officer, officer: false }
    expect(shown(mine, seen)).toMatchObject([{ kind: 'on_phone', who: 'me', mayReturn: true }])
    expect(shown(mine, { ...seen, online: false })).toMatchObject([{ mayReturn: false }])
    expect(shown({ ...mine, you: 'desk' }, officer)).toMatchObject([{ who: 'interpreter', mayReturn: false }])
  })

  it('puts the proposal to stop and the question to the person first', () => {
    const all = room({
      phone: [step({ state: 'in_room' })],
      agreement: { answer: 'asked', how: null },
      stop: { reason: 'interruptions', at: at(0) },
      repeat: { from: at(-90), seconds: 70 },
      sound_only: true,
    })
    expect(shown(all, officer).map((item) => item.kind)).toEqual(['stop', 'agree', 'repeat', 'on_phone', 'sound_only'])
    expect(shown(all, { ...officer, officer: false }).map((item) => item.kind)).toEqual(['agree', 'on_phone', 'sound_only'])
  })

  it('says once why nobody can be rung', () => {
    const shut = room({ closed: [{ rung: 'phone', why: 'person_refused' }] })
    expect(shown(shut, officer)).toEqual([{ kind: 'closed', why: 'person_refused' }])
    const proposed = room({
      closed: [{ rung: 'phone', why: 'person_refused' }],
      stop: { reason: 'person_refused', at: at(0) },
    })
    expect(shown(proposed, officer).map((item) => item.kind)).toEqual(['stop'])
  })
})

describe('news of the ladder', () => {
  it('keeps the newest and takes mode and limit from it', () => {
    const before = room({ version: 3 })
    const news = { ...calm, version: 4, mode: 'open' as const, medium: 'phone' as const, block_limit_min: 30 }
    const after = applied(before, { name: 'fallback.changed', data: news })
    expect(after.fallback?.medium).toBe('phone')
    expect(after.block_limit_min).toBe(30)
    expect(applied(after, { name: 'fallback.changed', data: { ...news, version: 3, block_limit_min: 45 } })).toBe(after)
  })
})

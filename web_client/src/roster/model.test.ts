import { describe, expect, it } from 'vitest'
import {
  clock,
  dateOf,
  dayIn,
  differing,
  fills,
  gapLines,
  hours,
  isoDay,
  lanes,
  monday,
  move,
  moved,
  nearest,
  neighbour,
  opened,
  span,
  stillMeant,
  stretches,
} from './model'
import type { Gap, Kind, RosterView } from './types'

const kind = (id: string, start: number, length: number, more: Partial<Kind> = {}): Kind => ({
  id: `${id}:pbt`,
  word: id,
  line: 'pbt',
  start,
  length,
  on_call: false,
  night: false,
  ...more,
})
const early = kind('E', 360, 480)
const late = kind('L', 840, 480)
const onCall = kind('B', 1200, 720, { on_call: true })
const kinds = [late, early, onCall]
const gap = (day: number, start: number, end: number, more: Partial<Gap> = {}): Gap => ({
  day,
  line: 'pbt',
  start,
  end,
  missing: 1,
  women: false,
  ...more,
})
const roster = {
  days: 14,
  kinds,
  people: [
    { id: 'a', code: 'I-1', cells: ['E:pbt', null], lines: ['pbt'] },
    { id: 'b', code: 'I-2', cells: [null, 'L:pbt'], lines: ['pbt'] },
  ],
} as unknown as RosterView

describe('gaps', () => {
  it('neighbours of one line and day are one stretch, women apart', () => {
    const found = stretches([
      gap(0, 480, 600, { missing: 2 }),
      gap(0, 360, 480),
      gap(0, 600, 660, { women: true }),
      gap(1, 0, 60),
    ])
    expect(found.map((one) => [one.day, one.start, one.end, one.missing, one.minutes, one.women])).toEqual([
      [0, 360, 600, 2, 360, false],
      [1, 0, 60, 1, 60, false],
      [0, 600, 660, 1, 60, true],
    ])
  })
  it('the line that lacks most stands first', () => {
    const list = stretches([gap(0, 0, 60), gap(0, 0, 240, { line: 'apc' })])
    expect(gapLines(list).map((one) => [one.line, one.minutes])).toEqual([
      ['apc', 240],
      ['pbt', 60],
    ])
  })
  it('are filled by what covers most, also from the evening before', () => {
    const found = fills(kinds, { line: 'pbt', day: 3, start: 0, end: 600, missing: 1, women: false, minutes: 600 })
    expect(found.map((one) => [one.day, one.kind.word, one.minutes])).toEqual([
      [2, 'B', 480],
      [3, 'E', 240],
    ])
    expect(fills(kinds, { line: 'pbt', day: 0, start: 0, end: 60, missing: 1, women: false, minutes: 60 })).toEqual([])
  })
})

describe('lanes', () => {
  it('spans that would overlap as drawn lie in different lanes', () => {
    const found = lanes(
      [
        { start: 0, end: 30 },
        { start: 60, end: 90 },
        { start: 400, end: 500 },
      ],
      330,
      1440,
    )
    expect(found.map((one) => one.lane)).toEqual([0, 1, 0])
  })
  it('nothing is drawn beyond the end of the day', () => {
    expect(lanes([{ start: 1410, end: 1440 }], 330, 1440)[0]).toMatchObject({ start: 1110, end: 1440 })
  })
})

describe('moves', () => {
  it('take the shift from one cell and put it into the other', () => {
    const moves = move(roster.people, { person: 'a', day: 0 }, { person: 'b', day: 0, kind: 'E:pbt' })
    expect(moves).toEqual([
      { interpreter_id: 'a', day: 0, kind: null },
      { interpreter_id: 'b', day: 0, kind: 'E:pbt' },
    ])
    const after = moved(roster, moves as never)
    expect(after.people.map((one) => one.cells[0])).toEqual([null, 'E:pbt'])
    expect(roster.people[0]?.cells[0]).toBe('E:pbt')
  })
  it('another time in the same cell is one change, the same time none, an occupied cell is refused', () => {
    expect(move(roster.people, { person: 'a', day: 0 }, { person: 'a', day: 0, kind: 'L:pbt' })).toHaveLength(1)
    expect(move(roster.people, { person: 'a', day: 0 }, { person: 'a', day: 0, kind: 'E:pbt' })).toBeUndefined()
    expect(move(roster.people, { person: 'a', day: 0 }, { person: 'b', day: 1, kind: 'E:pbt' })).toBe('taken')
  })
  it('in the span of a day go to the next or nearest time of the desk', () => {
    expect(neighbour(kinds, early, 1)).toBe(late)
    expect(neighbour(kinds, early, -1)).toBeUndefined()
    expect(nearest(kinds, early, 800)).toBe(late)
    expect(nearest(kinds, early, 380)).toBe(early)
  })
})

describe('news from elsewhere', () => {
  const theirs = moved(roster, [
    { interpreter_id: 'a', day: 0, kind: null },
    { interpreter_id: 'b', day: 0, kind: 'E:pbt' },
  ])
  it('cells that differ are named, whoever is new counts from empty', () => {
    expect(differing(roster, theirs)).toEqual([
      { person: 'a', day: 0 },
      { person: 'b', day: 0 },
    ])
    expect(differing({ ...roster, people: [] }, roster)).toHaveLength(2)
    expect(differing(roster, { ...roster })).toEqual([])
  })
  it('an own move still means the same only where its cells are as they were', () => {
    const mine = (interpreter_id: string, day: number) => ({ interpreter_id, day, kind: 'L:pbt' })
    expect(stillMeant(roster, theirs, [mine('a', 1)])).toBe(true)
    expect(stillMeant(roster, theirs, [mine('a', 1), mine('b', 0)])).toBe(false)
    expect(stillMeant(roster, { ...theirs, people: [] }, [mine('a', 1)])).toBe(false)
  })
})

describe('days and times', () => {
  it('the span follows the zoom and ends with the period', () => {
    expect(span(roster, 'week', 9)).toEqual({ from: 7, to: 14 })
    expect(span(roster, 'day', 13)).toEqual({ from: 13, to: 14 })
    expect(span(roster, 'period', 5)).toEqual({ from: 0, to: 14 })
  })
  it('a day of the calendar is found in its roster, and the one that people work by is opened', () => {
    const row = (starts_on: string, state: 'draft' | 'published') => ({ starts_on, days: 14, state })
    const [past, now, draft, next] = [
      row('2026-11-02', 'published'),
      row('2026-11-16', 'published'),
      row('2026-11-23', 'draft'),
      row('2026-12-07', 'draft'),
    ]
    expect([dayIn(now, '2026-11-15'), dayIn(now, '2026-11-16'), dayIn(now, '2026-11-29'), dayIn(now, '2026-11-30')]).toEqual([
      undefined,
      0,
      13,
      undefined,
    ])
    expect(opened([next, draft, now, past], '2026-11-24')).toBe(now)
    expect(opened([next, draft, past], '2026-11-24')).toBe(draft)
    expect(opened([next, past], '2026-11-24')).toBe(next)
    expect(opened([], '2026-11-24')).toBeUndefined()
  })
  it('Mondays, also from a Sunday and over the switch of the clock', () => {
    expect(monday(new Date(2026, 10, 22, 23, 59))).toBe('2026-11-23')
    expect(monday(new Date(2026, 10, 23, 0, 1))).toBe('2026-11-30')
    expect(monday(new Date(2026, 10, 22), true)).toBe('2026-11-16')
    expect(isoDay(dateOf('2026-10-19', 7))).toBe('2026-10-26')
  })
  it('midnight is 24 at an end and 00 at a start', () => {
    expect(clock(1440, true)).toBe('24:00')
    expect(clock(1680, true)).toBe('04:00')
    expect(hours(0, 1440)).toBe('00–24')
    expect(hours(390, 600)).toBe('06:30–10')
  })
})

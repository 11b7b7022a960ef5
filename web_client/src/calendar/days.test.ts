import { describe, expect, it } from 'vitest'
import {
  clockChoices,
  type Draft,
  daysIn,
  endShown,
  overlapIn,
  overMidnight,
  shiftDay,
  shiftMonth,
  toServer,
  weeksOf,
} from './days'

const span = (weekday: number, from: string, to: string, kind: Draft['kind'] = 'desk'): Draft => ({
  kind,
  weekday,
  from,
  to,
  report: 60,
  means: [],
})

describe('days', () => {
  it('moves over months, years and the days when clocks are switched', () => {
    expect(shiftDay('2026-03-28', 1)).toBe('2026-03-29')
    expect(shiftDay('2026-10-25', 1)).toBe('2026-10-26')
    expect(shiftDay('2026-01-01', -1)).toBe('2025-12-31')
    expect(shiftMonth('2026-12', 1)).toBe('2027-01')
    expect(shiftMonth('2026-01', -1)).toBe('2025-12')
    expect([daysIn(2028, 2), daysIn(2026, 2), daysIn(2026, 12)]).toEqual([29, 28, 31])
    expect(weeksOf([1, 2, 3, 4, 5, 6, 7, 8]).map((w) => w.length)).toEqual([7, 1])
  })
  it('offers half-hours and keeps other times that are set', () => {
    expect(clockChoices(false)[0]).toBe('00:00')
    expect(clockChoices(true).at(-1)).toBe('24:00')
    expect(clockChoices(false, '09:10')).toContain('09:10')
    expect([toServer('24:00'), endShown('00:00')]).toEqual(['00:00', '24:00'])
    expect([overMidnight('22:00', '06:00'), overMidnight('09:00', '24:00'), overMidnight('00:00', '00:00')]).toEqual([
      true,
      false,
      false,
    ])
  })
  it('finds overlaps, also over midnight and the end of the week', () => {
    expect(overlapIn([span(0, '09:00', '12:00'), span(0, '12:00', '17:00')])).toBeUndefined()
    expect(overlapIn([span(0, '22:00', '06:00'), span(1, '05:00', '09:00')])).toBe(1)
    expect(overlapIn([span(6, '22:00', '06:00'), span(0, '05:00', '09:00')])).toBe(0)
    expect(overlapIn([span(0, '09:00', '12:00'), span(0, '10:00', '11:00', 'on_call')])).toBeUndefined()
  })
})

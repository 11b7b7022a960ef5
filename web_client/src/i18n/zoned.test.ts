import { describe, expect, it } from 'vitest'
import { Zoned } from './zoned'

const belgrade = new Zoned('Europe/Belgrade')
const tokyo = new Zoned('Asia/Tokyo')

describe('a named zone', () => {
  it('tells its own clock and its own day', () => {
    expect(belgrade.time('2026-11-23T23:30:00Z')).toBe('00:30')
    expect(belgrade.day('2026-11-23T23:30:00Z').getDate()).toBe(24)
    expect(tokyo.span('2026-11-23T20:00:00Z', '2026-11-23T21:15:00Z')).toBe('05:00–06:15')
  })

  it('finds the instant of a day and a time, on both sides of a switch', () => {
    const at = (day: string, time: string) => belgrade.instant(day, time).toISOString().slice(0, 16)
    expect(at('2026-10-24', '09:45')).toBe('2026-10-24T07:45')
    expect(at('2026-10-25', '00:00')).toBe('2026-10-24T22:00')
    expect(at('2026-10-25', '09:45')).toBe('2026-10-25T08:45')
    expect(at('2026-03-29', '01:45')).toBe('2026-03-29T00:45')
    expect(at('2026-03-29', '03:15')).toBe('2026-03-29T01:15')
    expect(belgrade.time(belgrade.instant('2026-03-29', '09:00'))).toBe('09:00')
  })

  it('leaves today out, by the day of the zone', () => {
    const now = new Date('2026-11-23T22:30:00Z')
    expect(belgrade.moment('2026-11-23T22:45:00Z', now)).toBe('23:45')
    expect(tokyo.moment('2026-11-23T22:45:00Z', now)).toBe('07:45')
  })

  it('knows whether the device shows the same', () => {
    const now = new Date('2026-11-23T12:00:00Z')
    expect(new Zoned('No/Where').differs(now)).toBe(false)
    expect(belgrade.differs(now) && tokyo.differs(now) && new Zoned('UTC').differs(now)).toBe(false)
  })
})

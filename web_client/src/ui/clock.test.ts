import { describe, expect, test } from 'vitest'
import { cityOf, clockFault, otherZone, timeIn, zoneOffset } from './clock'

const winter = new Date('2026-11-22T22:30:00Z')
const summer = new Date('2026-07-01T22:30:00Z')

describe('the zone of the device', () => {
  test('minutes ahead of UTC follow summer time and pass midnight', () => {
    expect([
      zoneOffset('Europe/Belgrade', winter),
      zoneOffset('Europe/Skopje', summer),
      zoneOffset('Asia/Kabul', winter),
    ]).toEqual([60, 120, 270])
    expect(zoneOffset('Nowhere/At_All', winter)).toBeUndefined()
    expect([timeIn('Europe/Belgrade', winter), timeIn('Europe/Belgrade', summer)]).toEqual(['23:30', '00:30'])
  })

  test('another name of the same time is no fault', () => {
    expect(otherZone('Europe/Vienna', 'Europe/Belgrade', winter)).toBe(false)
    expect(otherZone('Asia/Tokyo', 'Europe/Skopje', winter)).toBe(true)
    expect(otherZone('Europe/Istanbul', 'Europe/Belgrade', summer)).toBe(true)
    expect(otherZone('Nowhere/At_All', 'Europe/Belgrade', summer)).toBe(false)
    expect(cityOf('America/New_York')).toBe('New York')
  })
})

describe('the clock of the device', () => {
  const at = Date.parse('2026-11-22T12:00:00Z')
  const header = 'Sun, 22 Nov 2026 12:00:00 GMT'

  test('a minute and the time of the answer are forgiven', () => {
    expect(clockFault(header, at - 50_000, at - 49_000)).toBe(0)
    expect(clockFault(header, at + 60_000, at + 75_000)).toBe(0)
    expect(clockFault(null, at, at)).toBe(0)
  })

  test('what is clearly wrong is told, with its direction', () => {
    expect(clockFault(header, at - 420_000, at - 420_000)).toBe(-420_500)
    expect(clockFault(header, at + 3_600_000, at + 3_600_200)).toBe(3_599_600)
  })
})

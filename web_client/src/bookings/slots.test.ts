import { describe, expect, it } from 'vitest'
import { dayKey, days, nextQuarter, quarters } from './slots'

describe('days and times', () => {
  it('gives every day once across the clock change', () => {
    const keys = days(new Date(2026, 9, 23), 5).map(dayKey)
    expect(keys).toEqual(['2026-10-23', '2026-10-24', '2026-10-25', '2026-10-26', '2026-10-27'])
  })

  it('rounds up to a quarter that the list has', () => {
    const next = nextQuarter(new Date(2026, 10, 23, 9, 46, 1))
    expect(next).toEqual(new Date(2026, 10, 23, 10, 0))
    expect(quarters).toContain('10:00')
    expect(quarters).toHaveLength(96)
  })
})

import { expect, test } from 'vitest'
import { gainOf, ringLevel } from './sounds'

test('the ring begins soft, rises, and never passes -14 dBFS', () => {
  const levels = Array.from({ length: 12 }, (_, n) => ringLevel(n))
  expect(levels[0]).toBe(-24)
  expect(Math.max(...levels)).toBe(-14)
  expect([...levels].sort((a, b) => a - b)).toEqual(levels)
  expect(gainOf(-20)).toBeCloseTo(0.1)
})

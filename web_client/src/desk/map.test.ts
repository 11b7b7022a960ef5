import { describe, expect, it } from 'vitest'
import { waysOf } from './choice'
import { at, places, size } from './map'

describe('map of ways of speaking', () => {
  const all = Object.entries(places)
  it('has a place for each way of the question, and no other', () => {
    expect(all.map(([code]) => code).sort()).toEqual((waysOf('ara')?.of ?? []).map((way) => way.code).sort())
  })
  it('keeps its circles apart, so that fingers find them on a tablet', () => {
    for (const [code, one] of all)
      for (const [other, two] of all)
        if (code < other) expect(Math.hypot(one.x - two.x, one.y - two.y), `${code} ${other}`).toBeGreaterThan(84)
  })
  it('lies within its frame', () => {
    for (const [, one] of all) {
      expect(one.x).toBeGreaterThan(0)
      expect(one.x).toBeLessThan(size.wide)
      expect(one.y).toBeLessThan(size.high)
    }
    expect(at(-14, 38.5)).toEqual({ x: 0, y: 0 })
  })
})

import { describe, expect, it, vi } from 'vitest'
import { clocksOf } from '../i18n/zoned'
import { cells, dayCells, dayEdges, joined, moved, tone } from './grid'
import type { Cover, CoverRow } from './types'

const row = (short: number[], why = short.map((s) => (s > 0 ? 'minimum' : ''))): CoverRow => ({
  key: 'apc',
  languages: ['apc'],
  kind: 'reachable',
  core: true,
  report_in: 15,
  expected: short.map(() => 0.5),
  high: short.map(() => 2),
  needed: short.map((s) => 2 + s),
  planned: short.map(() => 2),
  on_call: short.map(() => 1),
  women: short.map(() => 1),
  short,
  why,
})

describe('cells', () => {
  it('takes the most needed and the least planned of its half-hours', () => {
    const one = joined(row([0, 3]), 0, 2)
    expect([one.needed, one.planned, one.short, one.expected]).toEqual([5, 2, 3, 1])
    expect(one.why).toEqual(['minimum'])
    expect(cells(row([0, 0, 1]), 2).map((c) => c.short)).toEqual([0, 1])
  })
  it('says gap, just enough and enough', () => {
    expect(tone({ short: 1, needed: 1, planned: 0 })).toBe('gap')
    expect(tone({ short: 0, needed: 2, planned: 2 })).toBe('tight')
    expect(tone({ short: 0, needed: 1, planned: 2 })).toBe('enough')
    expect(tone({ short: 0, needed: 0, planned: 0 })).toBe('idle')
  })
})

describe('days', () => {
  const skopje = clocksOf('MK')
  const begin = Date.parse('2026-11-21T23:00:00Z')
  const starts = Array.from({ length: 96 }, (_, n) => new Date(begin + n * 1_800_000).toISOString())
  it.each(['UTC', 'Asia/Tokyo', 'Europe/Skopje'])('finds where days begin there, on a device that is set to %s', (zone) => {
    vi.stubEnv('TZ', zone)
    expect(dayEdges(starts, skopje)).toEqual([0, 48, 96])
    vi.unstubAllEnvs()
  })
  it('counts the hours that are short', () => {
    const cover = { starts } as Cover
    const found = dayCells(cover, row([...Array(46).fill(0), 1, 2, ...Array(48).fill(0)]), skopje)
    expect(found.map((d) => [d.hours, d.worst])).toEqual([
      [1, 2],
      [0, 0],
    ])
  })
  it('goes over the switch of clocks by calendar days', () => {
    expect(skopje.midnight('2026-10-24T11:00:00Z', 2).toISOString()).toBe('2026-10-25T23:00:00.000Z')
  })
})

describe('arrows', () => {
  it('follow the reading direction and stay inside', () => {
    expect(moved('ArrowRight', 0, 0, 3, 4, false)).toEqual([0, 1])
    expect(moved('ArrowRight', 0, 1, 3, 4, true)).toEqual([0, 0])
    expect(moved('ArrowUp', 0, 1, 3, 4, false)).toEqual([0, 1])
    expect(moved('End', 1, 1, 3, 4, false)).toEqual([1, 3])
    expect(moved('a', 1, 1, 3, 4, false)).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { type Draft, type DraftLine, merged, rows } from './draft.svelte'

const line = (id: string, row: number, at: number, more: Partial<DraftLine> = {}): DraftLine => ({
  id,
  row,
  part: 'officer',
  code: null,
  rendition: false,
  language: 'srp',
  dir: 'ltr',
  from_at: `2026-11-22T08:00:0${at}.000Z`,
  to_at: `2026-11-22T08:00:0${at}.500Z`,
  text: id,
  corrected: null,
  corrected_part: null,
  missing: null,
  shared: false,
  changed: 1,
  ...more,
})
const came = (lines: DraftLine[], reset = false): Draft => ({
  state: 'running',
  flow: 'running',
  reason: null,
  barred: null,
  keep: false,
  version: 2,
  reset,
  people: [],
  lines,
  silent_languages: {},
})

describe('a draft on the screen', () => {
  it('takes what changed in and keeps the order of time', () => {
    const known = [line('b', 1, 2)]
    const after = merged(known, came([line('a', 1, 1), line('b', 1, 2, { corrected: 'right' })]))
    expect(after.map((one) => [one.id, one.corrected])).toEqual([
      ['a', null],
      ['b', 'right'],
    ])
  })

  it('forgets everything that a wipe left out', () => {
    expect(merged([line('a', 1, 1), line('b', 2, 2)], came([line('b', 1, 2)], true)).map((one) => one.id)).toEqual(['b'])
  })

  it('puts renditions beside what they render', () => {
    const found = rows([line('a', 1, 1), line('b', 1, 2, { rendition: true }), line('c', 2, 3)])
    expect(found.map((row) => [row.said.map((one) => one.id), row.rendered.map((one) => one.id)])).toEqual([
      [['a'], ['b']],
      [['c'], []],
    ])
  })
})

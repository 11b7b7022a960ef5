import { describe, expect, it } from 'vitest'
import { localeOf } from './question'

describe('the language in which somebody is asked', () => {
  it('is one of ours where they speak or read it', () => {
    expect(['apc', 'arb', 'ary'].map(localeOf)).toEqual(['ar', 'ar', 'ar'])
    expect(['pes', 'prs', 'pbu', 'sqi', 'mkd', 'srp'].map(localeOf)).toEqual(['fa', 'fa', 'ps', 'sq', 'mk', 'sr-Cyrl'])
  })

  it("is the interpreter's own words elsewhere, never a neighbour's", () => {
    expect(['kmr', 'ckb', 'urd', 'som', 'tir', 'fra'].map(localeOf)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})

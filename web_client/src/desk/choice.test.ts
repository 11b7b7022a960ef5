import { describe, expect, it } from 'vitest'
import {
  atMost,
  cards,
  finding,
  likeness,
  mostSure,
  offered,
  open,
  type Pick,
  proposed,
  swap,
  touch,
  touchWay,
  waysOf,
} from './choice'

const taken = (picks: Pick[]) => picks.map((one) => one.variant ?? one.language)

describe('one language', () => {
  it('changes with the next card and goes with the same', () => {
    let picks = touch([], 'ara', false)
    picks = touch(picks, 'tur', false)
    expect(taken(picks)).toEqual(['tur'])
    expect(touch(picks, 'tur', false)).toEqual([])
  })
  it('is the person’s own choice on a card', () => {
    expect(finding(touch([], 'tur', false), 'sure')).toEqual({
      language: 'tur',
      variant: null,
      fallback: null,
      confidence: 'sure',
      found_by: ['card'],
      confirmed_by: 'person',
    })
    expect(finding([], 'sure')).toBeUndefined()
  })
})

describe('two languages', () => {
  it('are ranked, and never sure', () => {
    let picks = touch(touch([], 'tur', true), 'kmr', true)
    expect(taken(picks)).toEqual(['tur', 'kmr'])
    picks = swap(picks)
    expect(finding(picks, 'sure')).toMatchObject({ language: 'kmr', fallback: 'tur', confidence: 'unsure' })
  })
  it('a third takes the place of the second', () => {
    const picks = touch(touch(touch([], 'tur', true), 'kmr', true), 'ara', true)
    expect(taken(picks)).toEqual(['tur', 'ara'])
    expect(taken(touch(picks, 'tur', true))).toEqual(['ara'])
  })
  it('of one name are no fallback for each other', () => {
    const picks: Pick[] = [
      { language: 'pes', variant: null, by: ['card'], confirmed: 'person' },
      { language: 'pes', variant: null, by: ['card'], confirmed: 'person' },
    ]
    expect(finding(picks, 'unsure')?.fallback).toBeNull()
  })
})

describe('ways of speaking', () => {
  it('make Arabic precise', () => {
    const arabic = touch([], 'ara', false)
    expect([open(arabic[0] as Pick), mostSure(arabic)]).toEqual([true, 'unsure'])
    const near = touchWay(arabic, 0, 'apc')
    expect(finding(near, 'sure')).toMatchObject({
      language: 'ara',
      variant: 'apc',
      confidence: 'sure',
      found_by: ['card', 'region'],
    })
    expect(taken(touchWay(near, 0, 'apc'))).toEqual(['ara'])
  })
  it('choose among languages of their own', () => {
    expect(taken(touchWay(touch([], 'kmr', false), 0, 'ckb'))).toEqual(['ckb'])
    expect(waysOf('prs')).toBe(waysOf('pes'))
    expect(waysOf('tur')).toBeUndefined()
  })
})

describe('the helper', () => {
  it('proposes, and is never sure alone', () => {
    const picks = touch([], 'urd', false, 'helper')
    expect(finding(picks, 'sure')).toMatchObject({ confidence: 'probably', found_by: ['helper'], confirmed_by: 'officer' })
    expect(touch(picks, 'urd', false, 'helper')).toEqual(picks)
  })
  it('is confirmed by the person’s own touch', () => {
    const picks = touch(touch([], 'urd', false, 'helper'), 'urd', false)
    expect(finding(picks, 'sure')).toMatchObject({ confidence: 'sure', found_by: ['helper', 'card'], confirmed_by: 'person' })
  })
  it('always leaves Kurdish and Dari to people', () => {
    const ranked = [
      { language: 'ara', share: 0.5, together: [] },
      { language: 'pes', share: 0.3, together: ['prs'] },
      { language: 'urd', share: 0.1, together: [] },
      { language: 'tur', share: 0.1, together: [] },
    ]
    const found = offered(ranked, ['ckb', 'kmr'])
    expect(found.heard.map((one) => one.language)).toEqual(['ara', 'pes', 'urd'])
    expect(found.hand).toEqual(['prs', 'ckb', 'kmr'])
    expect(offered([], ['ckb']).hand).toEqual(['ckb'])
  })
  it('speaks in words', () => {
    expect([likeness(0.9, false), likeness(0.9, true), likeness(0.3, false), likeness(0.1, false)]).toEqual([
      'most',
      'perhaps',
      'perhaps',
      'little',
    ])
  })
})

describe('how sure', () => {
  it('is bounded, and modest when proposed', () => {
    expect(atMost('sure', 'probably')).toBe('probably')
    expect(atMost('unsure', 'sure')).toBe('unsure')
    expect(proposed(touch([], 'tur', false))).toBe('probably')
    expect(proposed([])).toBe('unsure')
  })
})

describe('cards', () => {
  it('give no voice to a language that has none', () => {
    for (const code of ['pus', 'prs', 'haz', 'ckb', 'pnb', 'tir', 'som'])
      expect(cards.find((one) => one.code === code)?.voice, code).toBeUndefined()
  })
  it('are told apart by code', () => {
    expect(new Set(cards.map((one) => one.code)).size).toBe(cards.length)
  })
})

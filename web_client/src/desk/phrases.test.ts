import { describe, expect, it } from 'vitest'
import { answers, answersTo, groups, languages, own, privately, rows, said, sampleOf, yesNo } from './phrases'

const row = (id: string) => {
  const found = rows.find((one) => one.id === id)
  if (!found) throw new Error(id)
  return found
}

describe('phrasebook', () => {
  it('has the 28 phrases, each in a known group', () => {
    expect(rows.map((one) => one.id)).toEqual(Array.from({ length: 28 }, (_, n) => `P${String(n + 1).padStart(2, '0')}`))
    for (const one of rows) expect(groups).toContain(one.group)
    for (const id of [...privately, ...yesNo]) row(id)
  })
  it('speaks to a woman in Arabic as to a woman', () => {
    expect(said(row('P06'), 'ar', false)).toBe('هل تفهمني؟')
    expect(said(row('P06'), 'ar', true)).toBe('هل تفهمينني؟')
    expect(sampleOf(row('P06'), 'ar', true)).toBe('ar-P06-f')
    expect(sampleOf(row('P04'), 'ar', true)).toBe('ar-P04')
  })
  it('has Dari words of its own and no voice that is not Dari', () => {
    expect(said(row('P16'), 'prs', false)).toContain('داکتر')
    expect(said(row('P16'), 'fa', false)).toContain('پزشک')
    expect(said(row('P02'), 'prs', false)).toBe(said(row('P02'), 'fa', false))
    for (const one of rows) {
      expect(sampleOf(one, 'prs', false)).toBeUndefined()
      expect(sampleOf(one, 'ps', false)).toBeUndefined()
    }
  })
  it('says where Pashto has no text yet', () => {
    expect(said(row('P22'), 'ps', false)).toBeUndefined()
  })
  it('has three answers in each language', () => {
    for (const one of languages) expect(answers(one.tag), one.tag).toHaveLength(3)
  })
  it('asks about a woman or a man in words that stand in the question', () => {
    for (const one of languages) {
      const words = answersTo(row('P05'), one.tag)
      expect(words).toHaveLength(2)
      for (const word of words) expect(said(row('P05'), one.tag, false), one.tag).toContain(word)
    }
    expect(answersTo(row('P16'), 'fa')).toEqual(answers('fa'))
    expect(answersTo(row('P08'), 'fa')).toEqual([])
  })
  it('is read by officers in their own language', () => {
    expect(own(row('P06'), 'sr-Latn')).toBe('Da li me razumete?')
    expect(own(row('P06'), 'sr-Cyrl')).toBe('Да ли ме разумете?')
    expect(own(row('P06'), 'sq')).toBe('A më kuptoni?')
    expect(own(row('P22'), 'ps')).toBe('Did someone hurt you or force you?')
  })
})

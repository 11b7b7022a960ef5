import { describe, expect, it } from 'vitest'
import { byPair, type CaseTerm } from './caseTerms'
import { digitsOf, inDigits, latin, tagOf } from './digits'
import { monthNames, ownMonthNames } from './months'
import { split, type Term, waiting } from './terms.svelte'
import { lines, numberTexts, ownSaidText, theirCalendars, typedNumber } from './words'

describe('digits', () => {
  it('follow the language', () => {
    expect(['apc', 'ckb', 'pes', 'pbt', 'urd', 'kmr', 'fra'].map(digitsOf)).toEqual([
      'arab',
      'arab',
      'arabext',
      'arabext',
      'arabext',
      'latn',
      'latn',
    ])
    expect(inDigits('12.3.2014', 'arab')).toBe('١٢.٣.٢٠١٤')
    expect(inDigits('456', 'arabext')).toBe('۴۵۶')
    expect(['pes', 'prs', 'pbu', 'apc', 'urd'].map(tagOf)).toEqual(['fa', 'fa-AF', 'ps', 'ar', 'ur'])
  })
  it('of every system are typed alike', () => {
    for (const system of ['latn', 'arab', 'arabext'] as const) expect(latin(inDigits('0123456789', system))).toBe('0123456789')
    expect(latin('١٬٥٠٠٫٢٥')).toBe('1,500.25')
  })
})

describe('what was typed', () => {
  it('is sent only when it is of its kind', () => {
    expect(typedNumber('number', ' 12. 3. 2014 ', 'EUR')).toEqual({ kind: 'number', value: '12. 3. 2014' })
    expect(typedNumber('number', '.5', 'EUR')).toBeUndefined()
    expect(typedNumber('number', '1'.repeat(24), 'EUR')).toBeUndefined()
    expect(['1430', '14.30', '9:05', '24:00', '12:60', '5'].map((one) => typedNumber('time', one, 'EUR'))).toEqual([
      { kind: 'time', value: '14:30' },
      { kind: 'time', value: '14:30' },
      { kind: 'time', value: '09:05' },
      undefined,
      undefined,
      undefined,
    ])
    expect(typedNumber('amount', '1500,50', 'RSD')).toEqual({ kind: 'amount', value: '1500,50', currency: 'RSD' })
    expect(typedNumber('amount', '1.234', 'RSD')).toBeUndefined()
  })
  it('is shown in both digits where the person has others', () => {
    expect(numberTexts({ kind: 'time', value: '14:30' }, 'apc')).toEqual({ latin: '14:30', own: '١٤:٣٠' })
    expect(numberTexts({ kind: 'amount', value: '15.50', currency: 'EUR' }, 'prs')).toEqual({
      latin: '15.50 EUR',
      own: '۱۵٫۵۰ EUR',
    })
    expect(numberTexts({ kind: 'number', value: '7' }, 'kmr')).toEqual({ latin: '7' })
  })
})

describe('dates', () => {
  it('are written in the words of the person', () => {
    const said = { kind: 'date', calendar: 'solar_hijri', year: 1380, month: 1, day: 12 } as const
    expect(ownSaidText(said, 'prs')).toBe('۱۲ حمل ۱۳۸۰')
    expect(ownSaidText(said, 'pbt')).toBe('۱۲ وری ۱۳۸۰')
    expect(ownSaidText(said, 'pes')).toBe('۱۲ فروردین ۱۳۸۰')
    expect(ownSaidText(said, 'apc'), 'Arabic speakers have no such months').toBeUndefined()
    expect(ownSaidText({ ...said, month: undefined, day: undefined, season: 'spring', about: true } as never, 'prs')).toBe(
      'حدود بهار ۱۳۸۰',
    )
    expect(ownSaidText({ kind: 'date', calendar: 'gregorian', year: 2014, month: 3, day: 12 }, 'apc')).toBe('١٢ آذار/مارس ٢٠١٤')
  })
  it('are turned into the calendars that the person lives by', () => {
    expect(theirCalendars('prs')).toEqual(['gregorian', 'solar_hijri'])
    expect(theirCalendars('apc')).toEqual(['gregorian', 'hijri'])
    const found = lines({ kind: 'date', calendar: 'gregorian', year: 2014, month: 3, day: 12 }, 'prs')
    expect(found.map((one) => [one.calendar, one.from, one.own, one.within])).toEqual([
      ['solar_hijri', '21 Hut 1392', '۲۱ حوت ۱۳۹۲', 0],
    ])
    expect(lines({ kind: 'date', calendar: 'gregorian', year: 2014, month: 3, day: 12 }, 'apc')[0]).toMatchObject({
      calendar: 'hijri',
      within: 1,
    })
  })
  it('have twelve names in every list, and both where the language does not tell', () => {
    for (const locale of ['en', 'sr-Cyrl', 'sr-Latn', 'mk', 'sq', 'ar', 'fa', 'ps'] as const) {
      for (const language of ['prs', 'pes', 'apc', 'kmr']) {
        for (const calendar of ['solar_hijri', 'hijri'] as const)
          expect(new Set(monthNames(calendar, locale, language)).size, `${locale} ${language}`).toBe(12)
      }
    }
    for (const language of ['prs', 'pes', 'pbt', 'apc']) expect(ownMonthNames('gregorian', language)).toHaveLength(12)
    expect(monthNames('solar_hijri', 'en', 'kmr')[0]).toBe('Hamal / Farvardin')
    expect(monthNames('solar_hijri', 'sr-Cyrl', 'prs')[0]).toBe('Хамал')
  })
})

describe('terms', () => {
  const term = (id: string, more: Partial<Term> = {}): Term => ({
    id,
    language: 'prs',
    officer_language: 'srp',
    officer_term: id,
    person_term: 'x',
    note: '',
    state: 'proposed',
    proposed_part: 'officer',
    state_since: '',
    ...more,
  })
  it('wait for the other side, and those of another pair are for reading', () => {
    const found = {
      n: 3,
      language: 'prs',
      officer_language: 'srp',
      part: 'interpreter' as const,
      terms: [
        term('a'),
        term('b', { proposed_part: 'interpreter' }),
        term('c', { state: 'agreed' }),
        term('d', { language: 'pes' }),
      ],
    }
    expect(waiting(found)).toBe(2)
    expect(split(found).here.map((one) => one.id)).toEqual(['a', 'b', 'c'])
    expect(split(found).elsewhere.map((one) => one.id)).toEqual(['d'])
  })
  it('stand by pair at the desk, agreed ones first', () => {
    const items = [term('a', { state: 'withdrawn' }), term('b', { state: 'agreed' }), term('c', { language: 'pes' })].map(
      (one) => ({ ...one, moves: [] }) as CaseTerm,
    )
    expect(byPair(items).map((one) => [one.language, one.items.map((t) => t.id)])).toEqual([
      ['prs', ['b', 'a']],
      ['pes', ['c']],
    ])
  })
})

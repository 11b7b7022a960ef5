import { describe, expect, it } from 'vitest'
import en from '../../locales/audit/en.json'
import { detailsOf, span, wordsOf } from './words'

describe('an entry in words', () => {
  it.each([
    ['case.viewed', 'case', 'viewed'],
    ['calendar.absences_viewed', 'calendar', 'viewed'],
    ['user.signed_in', 'user', 'signed_in'],
    ['booking.held', 'booking', 'created'],
    ['talk.held', 'talk', 'held'],
    ['member.pair_test', 'member', 'changed'],
    ['unheard.of', 'other', 'other'],
  ])('%s', (action, thing, did) => {
    expect(wordsOf(action)).toEqual({ thing, did })
    expect(en).toHaveProperty([`audit.thing.${thing}`])
    expect(en).toHaveProperty([`audit.did.${did}`])
  })

  it('has details without what is not so', () => {
    expect(detailsOf({ fields: ['a', 'b'], emergency: false, passed: true, none: null, lines: 3 })).toEqual([
      'fields a, b',
      'passed',
      'lines 3',
    ])
  })
})

describe('the time that is looked for', () => {
  it('ends after the last day, also where that day is shorter or longer', () => {
    const { from, to } = span('days', '2026-03-28', '2026-03-29', 0)
    expect(new Date(from ?? '').getDate()).toBe(28)
    expect([new Date(to ?? '').getDate(), new Date(to ?? '').getHours()]).toEqual([30, 0])
  })

  it('counts days back from now', () => {
    expect(span('week', '', '', Date.UTC(2026, 10, 22))).toEqual({ from: '2026-11-15T00:00:00.000Z' })
    expect(span('all', '', '', 0)).toEqual({})
  })
})

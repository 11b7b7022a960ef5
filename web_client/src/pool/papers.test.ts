import { expect, test } from 'vitest'
import { lastDay, noticeOf, stateTone, trainingOf } from './papers'
import type { Paper } from './types'

const paper = (kind: string, urgency: string): Paper => ({
  kind,
  urgency,
  version: null,
  authority: null,
  issued_at: null,
  until: null,
  days_left: null,
  stops: true,
})

test('the home page tells the most urgent one, and how many more there are', () => {
  expect(noticeOf([])).toBeUndefined()
  expect(noticeOf([paper('nda', 'days_60')])).toMatchObject({ more: 0, tone: 'info' })
  expect(noticeOf([paper('nda', 'days_30'), paper('conduct', 'days_60')])).toMatchObject({ more: 1, tone: 'warn' })
  expect(['days_7', 'over', 'missing'].map((one) => noticeOf([paper('vetting', one)])?.tone)).toEqual([
    'danger',
    'danger',
    'danger',
  ])
})

test('an end at midnight is told by the day before it', () => {
  expect(lastDay('2026-12-31T23:00:00Z').toISOString()).toBe('2026-12-31T22:59:59.999Z')
})

test('words and colours', () => {
  expect([trainingOf('training:CHILD'), trainingOf('nda')]).toEqual(['CHILD', undefined])
  expect(['later', 'good', 'days_60', 'days_7', 'over'].map((one) => stateTone(paper('nda', one)))).toEqual([
    'ok',
    'ok',
    'warn',
    'danger',
    'danger',
  ])
})

import { expect, test } from 'vitest'
import { grade, type PlanCell, percent, ruleName, shown } from './plans'

const cell = (interpreter: string | null, before: string | null): PlanCell => ({
  booking_id: 'b',
  leg: 1,
  case_ref: 'RS-1',
  step_code: 'RS-ID-10',
  language: 'pbt',
  officer_language: 'srp',
  pivot: null,
  starts_at: '',
  ends_at: '',
  priority: 'P4',
  interpreter_id: interpreter,
  interpreter,
  before,
  moved: false,
  pinned: false,
  points: 0,
  state: 'proposed',
  reason: null,
})

test('the gap is told by its size', () => {
  expect([null, 0, 5, 6, 30, 31].map(grade)).toEqual(['none', 'best', 'near', 'good', 'good', 'rough'])
  expect(percent(4)).toBe('0.4')
})

test('changed are rows that somebody else has, or nobody any more', () => {
  const rows = [cell('I-1', 'I-1'), cell('I-2', 'I-1'), cell(null, 'I-1'), cell(null, null)]
  expect(shown(rows, 'all')).toHaveLength(4)
  expect(shown(rows, 'changed')).toEqual([rows[1], rows[2]])
  expect(shown(rows, 'left_out')).toEqual([rows[2], rows[3]])
})

test('a rule is named by its last part', () => {
  expect(ruleName('M-2.day_limit')).toBe('day_limit')
})

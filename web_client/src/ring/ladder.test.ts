import { expect, test } from 'vitest'
import { added, changed, faults, moved, type Policy, partnersDone, partnersOf, type Row, rowsOf } from './ladder'

const policy = {
  country: 'RS',
  aim_percent: 95,
  alert_seconds: 8,
  reserve_percent: 20,
  reserve_from: 5,
  hold_note_seconds: 180,
  month_target_minutes: 1800,
  rungs: [
    { kind: 'best', seconds: 20, least: 1, most: 8 },
    { kind: 'next', seconds: 20, least: 5, most: 8 },
    { kind: 'coordinator', seconds: 0, least: null, most: null },
  ],
} as unknown as Policy
const names = (rows: readonly Row[]) => rows.map((one) => one.kind)

test('rungs move, and the coordinator stays last', () => {
  const rows = rowsOf(policy)
  expect(names(moved(rows, 0, 1))).toEqual(['next', 'best', 'coordinator'])
  expect(names(moved(rows, 1, 1))).toEqual(['best', 'next', 'coordinator'])
  expect(names(moved(rows, 2, -1))).toEqual(['best', 'next', 'coordinator'])
  expect(names(moved(rows, 0, -1))).toEqual(['best', 'next', 'coordinator'])
})

test('a new rung comes before the coordinator, once', () => {
  const rows = added(added(rowsOf(policy), 'on_call'), 'on_call')
  expect(names(rows)).toEqual(['best', 'next', 'on_call', 'coordinator'])
})

test('says what is wrong before the server is asked', () => {
  const rows = rowsOf(policy)
  expect(faults(rows, '8')).toEqual([])
  expect(faults(rows, '30').map((one) => one.what)).toEqual(['too_short', 'too_short'])
  const bad = rows.map((one) => (one.kind === 'best' ? { ...one, least: '9' } : one.kind === 'next' ? { ...one, most: '' } : one))
  expect(faults(bad, '8')).toEqual([
    { kind: 'best', what: 'bounds' },
    { kind: 'next', what: 'bounds' },
  ])
})

test('what is saved holds the changed numbers and keeps the rest', () => {
  const values = {
    aim_percent: '90',
    alert_seconds: '8',
    reserve_percent: '20',
    reserve_from: '5',
    hold_note_seconds: '180',
    month_target_minutes: 'x',
  }
  const next = changed(policy, added(rowsOf(policy), 'on_call'), values)
  expect([next.aim_percent, next.month_target_minutes, next.country]).toEqual([90, 1800, 'RS'])
  expect(next.rungs[2]).toEqual({ kind: 'on_call', seconds: 20, least: null, most: null })
})

test('partners are saved as they were written, and none without a way to be reached', () => {
  const known = { ...policy, partners: [{ name: 'Help', contact: '+381 11 000', languages: ['apc'] }] } as unknown as Policy
  const values = Object.fromEntries(
    ['aim_percent', 'alert_seconds', 'reserve_percent', 'reserve_from', 'hold_note_seconds', 'month_target_minutes'].map(
      (name) => [name, ''],
    ),
  ) as Parameters<typeof changed>[2]
  expect(changed(known, rowsOf(known), values).partners).toEqual(known.partners)
  const mine = [...partnersOf(known), { name: ' Bridge ', contact: '+389 2 000 ', languages: [] }]
  expect(changed(known, rowsOf(known), values, mine).partners?.[1]).toEqual({
    name: 'Bridge',
    contact: '+389 2 000',
    languages: [],
  })
  expect(known.partners?.length).toBe(1)
  expect([partnersDone(mine), partnersDone([...mine, { name: 'X', contact: ' ', languages: [] }])]).toEqual([true, false])
})

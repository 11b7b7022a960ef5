import { expect, it } from 'vitest'
import { applied, type RoomState } from '../realtime/roomState'
import type { Shown } from './words'

const empty = { aids: undefined } as unknown as RoomState
const shown = (n: number, value: string | null): { name: string; data: Shown } => ({
  name: 'aids.number',
  data: { n, by: 'part_1', part: 'officer', number: value === null ? null : { kind: 'number', value } },
})
const after = (...events: { name: string; data: unknown }[]) => events.reduce((state, event) => applied(state, event), empty).aids

it('the later number stands, in whatever order the news come', () => {
  const orders = [
    [shown(4, '1'), shown(7, '2')],
    [shown(7, '2'), shown(4, '1')],
    [shown(7, '2'), shown(4, '1'), shown(4, null), shown(7, '2')],
  ]
  for (const order of orders) expect(after(...order)?.['aids.number']?.number).toEqual({ kind: 'number', value: '2' })
})
it('clearing takes away the number that is meant, and no later one', () => {
  expect(after(shown(4, '1'), shown(4, null))?.['aids.number']?.number).toBeNull()
  expect(after(shown(7, '2'), shown(4, null))?.['aids.number']?.number).toEqual({ kind: 'number', value: '2' })
})
it('numbers and terms do not disturb each other', () => {
  const found = after(shown(4, '1'), { name: 'aids.terms', data: { n: 2 } }, { name: 'aids.terms', data: { n: 1 } })
  expect(found?.['aids.terms']).toEqual({ n: 2 })
  expect(found?.['aids.number']?.n).toBe(4)
})

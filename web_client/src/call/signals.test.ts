import { expect, test } from 'vitest'
import type { Signal, SignalKind } from '../realtime/protocol'
import type { RoomState } from '../realtime/roomState'
import { stillShown, ticks, withConcern } from './signals'

const at = '2026-11-22T08:00:00Z'
const signal = (kind: SignalKind, from = 'other'): Signal => ({ signal_id: kind, kind, from, at })
const room = (speaking: boolean) => ({ you: 'me', participants: [{ id: 'me', speaking }] }) as unknown as RoomState

test('a hint is shown for ten seconds, what needs an answer for a minute', () => {
  const all = [signal('slower'), signal('pause'), signal('cannot_hear')]
  const after = (seconds: number) => stillShown(all, Date.parse(at) + seconds * 1000).map((one) => one.kind)
  expect(after(9)).toEqual(['slower', 'pause', 'cannot_hear'])
  expect(after(10)).toEqual(['pause', 'cannot_hear'])
  expect(after(60)).toEqual([])
})

test('only what cannot wait ticks, not the own, and not in the ear of who speaks', () => {
  expect(ticks(signal('pause'), room(false))).toBe(true)
  expect(ticks(signal('slower'), room(false))).toBe(false)
  expect(ticks(signal('break', 'me'), room(false))).toBe(false)
  expect(ticks(signal('break'), room(true))).toBe(false)
})

test('a concern counts once, and for its own session only', () => {
  const data = { ...signal('concern'), session_id: 's1' }
  const one = withConcern([], data, 's1', at)
  expect(one).toHaveLength(1)
  expect(withConcern(one, data, 's1', at)).toBe(one)
  expect(withConcern(one, { ...data, signal_id: 'x' }, 's2', at)).toBe(one)
  expect(withConcern(one, { ...data, signal_id: 'x', kind: 'slower' }, 's1', at)).toBe(one)
  const { at: _, ...undated } = data
  expect(withConcern([], undated, 's1', at)[0]?.at).toBe(at)
})

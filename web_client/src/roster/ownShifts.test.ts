import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { TopicHandlers } from '../realtime/tab'

const followed = new Map<string, TopicHandlers>()
vi.mock('../realtime/tab', () => ({
  tab: {
    state: 'open',
    follow: (topic: string, handlers: TopicHandlers) => {
      followed.set(topic, handlers)
      return () => followed.delete(topic)
    },
  },
}))
const { OwnShiftsWatch } = await import('./ownShifts.svelte')

const shift = (day: string, hour = '08') => ({
  id: `shift ${day} ${hour}`,
  day,
  starts_at: `${day}T${hour}:00:00Z`,
  ends_at: `${day}T16:00:00Z`,
  line: 'apc',
})
let answer = { shifts: [shift('2026-11-23')], wishes: [], times: [], swaps: [] as { id: string }[] }
let busy = false
let from = '2026-11-23'
const changed = vi.fn()
const asked = vi.fn(async () => new Response(JSON.stringify(answer), { status: 200 }))
const tell = () => followed.get('shifts:RS')?.event({ name: 'shifts.changed', data: {} } as never)
const quiet = () => vi.advanceTimersByTimeAsync(300)

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('fetch', asked)
  asked.mockClear()
  changed.mockClear()
  followed.clear()
  busy = false
  from = '2026-11-23'
  answer = { shifts: [shift('2026-11-23')], wishes: [], times: [], swaps: [] }
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function shown() {
  const watch = new OwnShiftsWatch(() => ({ from, to: '2026-12-20' }), { busy: () => busy, changed })
  const stop = watch.listen()
  await watch.load()
  return { watch, stop }
}

test('what a roster brings is shown and told once; several news are one reading', async () => {
  const { watch, stop } = await shown()
  expect([...followed.keys()]).toEqual(['shifts:RS', 'shifts:MK'])
  answer = { ...answer, shifts: [shift('2026-11-23'), shift('2026-11-24', '14')] }
  tell()
  tell()
  await quiet()
  expect(asked).toHaveBeenCalledTimes(2)
  expect(watch.data?.shifts).toHaveLength(2)
  expect(changed).toHaveBeenCalledTimes(1)
  stop()
  expect(followed.size).toBe(0)
})

test('a swap of colleagues is shown and not told as a change of the own shifts', async () => {
  const { watch, stop } = await shown()
  answer = { ...answer, swaps: [{ id: 'swap_1' }] }
  tell()
  await quiet()
  expect(watch.data?.swaps).toHaveLength(1)
  expect(changed).not.toHaveBeenCalled()
  stop()
})

test('nothing is read while an own change is on its way, and other weeks are no news', async () => {
  const { stop, watch } = await shown()
  busy = true
  tell()
  await quiet()
  expect(asked).toHaveBeenCalledTimes(1)
  busy = false
  from = '2026-12-21'
  answer = { ...answer, shifts: [] }
  await watch.load()
  await quiet()
  expect(asked).toHaveBeenCalledTimes(3)
  expect(changed).not.toHaveBeenCalled()
  stop()
})

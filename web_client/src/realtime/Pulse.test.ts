import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Pulse } from './Pulse'

let sent: string[]
let dead: number
let pulse: Pulse
const clock = (ahead: number) => new Date(Date.now() + ahead).toISOString()

beforeEach(() => {
  vi.useFakeTimers()
  sent = []
  dead = 0
  pulse = new Pulse(
    () => {
      sent.push(`p${sent.length}`)
      return sent.at(-1) ?? ''
    },
    () => {
      dead += 1
    },
  )
})
afterEach(() => {
  pulse.stop()
  vi.useRealTimers()
})

test('the shortest round trip sets the clock, a longer one does not', () => {
  pulse.start(15_000, clock(60_000))
  expect(pulse.now() - Date.now()).toBe(60_000)
  pulse.probe()
  vi.advanceTimersByTime(100)
  pulse.pong('p0', clock(5000))
  expect(pulse.now() - Date.now()).toBe(5050)
  pulse.probe()
  vi.advanceTimersByTime(900)
  pulse.pong('p1', clock(9000))
  expect(pulse.now() - Date.now()).toBe(5050)
})

test('an answer to a ping of another line moves no clock', () => {
  pulse.start(15_000, clock(0))
  pulse.probe()
  pulse.stop()
  pulse.pong('p0', clock(80_000))
  expect(pulse.now()).toBe(Date.now())
})

test('whoever is heard lives, whoever is silent for two beats is dead', () => {
  pulse.start(1000, clock(0))
  pulse.heard()
  for (let i = 0; i < 5; i++) {
    vi.advanceTimersByTime(1000)
    pulse.heard()
  }
  expect([dead, sent.length]).toEqual([0, 5])
  vi.advanceTimersByTime(2000)
  expect(dead).toBe(1)
})

test('a probe with a limit is quick, and asks nothing of a line that is not there', () => {
  pulse.probe(2500)
  expect(sent).toEqual([])
  pulse.start(60_000, clock(0))
  pulse.probe(2500)
  vi.advanceTimersByTime(2500)
  expect(dead).toBe(1)
})

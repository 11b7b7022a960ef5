import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AudioOut } from './AudioOut'

/** As little of Web Audio as sound needs to come out. */
class Context {
  static last: Context
  state = 'running'
  onstatechange: (() => void) | null = null
  resumed = 0
  constructor() {
    Context.last = this
  }
  createDynamicsCompressor() {
    const value = () => ({ value: 0 })
    return { threshold: value(), knee: value(), ratio: value(), attack: value(), release: value(), connect() {} }
  }
  createMediaStreamDestination = () => ({ stream: {} })
  createMediaStreamSource = () => ({ connect() {}, disconnect() {} })
  async resume() {
    this.resumed += 1
    if (this.state === 'interrupted') throw new DOMException('the telephone has it', 'InvalidStateError')
    this.state = 'running'
  }
  async close() {}
}
let sinks: string[]

beforeEach(() => {
  sinks = []
  vi.stubGlobal('AudioContext', Context)
  vi.stubGlobal('MediaStream', class {})
  vi.stubGlobal(
    'Audio',
    class {
      dataset = {}
      constructor() {
        const element = document.createElement('i')
        Object.assign(element, {
          play: async () => {},
          setSinkId: async (id: string) => {
            sinks.push(id)
          },
        })
        // biome-ignore lint/correctness/noConstructorReturn: stands in for a constructor of the browser.
        return element as never
      }
    },
  )
})
afterEach(() => vi.unstubAllGlobals())

const voices = [{ participant: 'p', track: {} as MediaStreamTrack }]

test('a speaker is told once, and what the machine has comes back when it is unplugged', async () => {
  const out = new AudioOut(() => {})
  await out.choose('headset')
  await out.choose('headset')
  await out.choose(undefined)
  expect([...new Set(sinks)]).toEqual(['headset', ''])
  expect(sinks.at(-1)).toBe('')
  out.close()
})

test('sound that a telephone call took away is shown as away, and comes back when the call is over', async () => {
  const out = new AudioOut(() => {})
  out.set(voices)
  await Promise.resolve()
  expect(out.blocked).toBe(false)
  Context.last.state = 'interrupted'
  Context.last.onstatechange?.()
  expect(out.blocked).toBe(true)
  await out.revive()
  expect(Context.last.resumed).toBe(1)
  expect(out.blocked).toBe(true)
  Context.last.state = 'suspended'
  await out.revive()
  expect(out.blocked).toBe(false)
  out.close()
})

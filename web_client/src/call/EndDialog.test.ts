import { mount, unmount } from 'svelte'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RealtimeClient, type SocketLike } from '../realtime/RealtimeClient'
import EndDialog from './EndDialog.svelte'

/** "End for all" over the page's own outbox: what is pressed stands until the server has done it. */
type Sent = { t: string; id: string }
class Line implements SocketLike {
  static all: Line[] = []
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  onerror: SocketLike['onerror'] = null
  sent: Sent[] = []
  constructor() {
    Line.all.push(this)
  }
  send(text: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    this.sent.push(JSON.parse(String(text)))
  }
  close(): void {}
  say(frame: object): void {
    this.onmessage?.call(this as unknown as WebSocket, { data: JSON.stringify(frame) } as MessageEvent)
  }
  welcome(): void {
    this.onopen?.call(this as unknown as WebSocket, new Event('open'))
    const [re, server_time] = [this.sent[0]?.id, new Date().toISOString()]
    const place = { connection: 'conn-1', secret: 's'.repeat(16), heartbeat_s: 15 }
    this.say({ t: 'welcome', re, v: 1, ...place, positions: {}, replay: {}, room: null, server_time })
  }
  cut(): void {
    this.onclose?.call(this as unknown as WebSocket, { code: 1006, reason: '' } as CloseEvent)
  }
  /** Ids of the ends that went over this line. */
  get ends(): string[] {
    return this.sent.filter((one) => one.t === 'room.end').map((one) => one.id)
  }
}
const newest = () => Line.all.at(-1) as Line
const waits = () => document.querySelector('[data-testid=end-waits]') !== null
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
let client: RealtimeClient
let dialog: ReturnType<typeof mount> | undefined
let done: number

function press(): void {
  const end = async (outcome: 'completed' | 'stopped' | 'rebooked') => {
    await client.send({ t: 'room.end', outcome })
    done += 1
  }
  const props = {
    open: true,
    begun: true,
    end,
    get online() {
      return client.state === 'open'
    },
  }
  dialog = mount(EndDialog, { target: document.body, props })
  document.querySelector<HTMLButtonElement>('.actions .btn:last-child')?.click()
}

beforeEach(async () => {
  vi.useFakeTimers()
  Line.all = []
  done = 0
  client = new RealtimeClient({
    credentials: async () => ({ grant: 'g'.repeat(20) }),
    locale: () => 'en',
    url: 'ws://test/socket',
    open: () => new Line(),
    random: () => 0.5,
  })
  client.start()
  await later(0)
  newest().welcome()
})
afterEach(() => {
  client.stop()
  if (dialog) void unmount(dialog)
  vi.useRealTimers()
})

test('pressed while the server is away, it is sent once as soon as the server is back', async () => {
  newest().cut()
  press()
  await later(3000)
  expect(waits()).toBe(true)
  expect(Line.all.flatMap((one) => one.ends)).toEqual([])
  newest().welcome()
  await later(600)
  expect(newest().ends).toHaveLength(1)
  newest().say({ t: 'reply', re: newest().ends[0], ok: true })
  await later(600)
  expect(done).toBe(1)
})

test('cut off before the answer, the same press is sent again under the same id', async () => {
  press()
  await later(0)
  const first = newest().ends
  expect(first).toHaveLength(1)
  newest().cut()
  await later(10)
  newest().welcome()
  expect(newest().ends).toEqual(first)
  newest().say({ t: 'reply', re: first[0], ok: true })
  await later(600)
  expect(done).toBe(1)
})

test('a database that is busy keeps the press, says so, and is asked again', async () => {
  press()
  await later(0)
  newest().say({ t: 'reply', re: newest().ends[0], ok: false, problem: { code: 'database_unavailable', params: {} } })
  await later(600)
  expect(waits()).toBe(true)
  expect(new Set(newest().ends).size).toBe(2)
  newest().say({ t: 'reply', re: newest().ends[1], ok: true })
  await later(600)
  expect([done, waits()]).toEqual([1, false])
})

test('what does not pass by itself is said and not asked again', async () => {
  press()
  await later(0)
  const problem = { code: 'not_for_your_part', params: {} }
  newest().say({ t: 'reply', re: newest().ends[0], ok: false, problem })
  await later(2000)
  expect(newest().ends).toHaveLength(1)
  expect(waits()).toBe(false)
})

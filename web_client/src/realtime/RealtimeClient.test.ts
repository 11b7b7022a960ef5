import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AppError } from '../lib/errors'
import type { EventFrame } from './protocol'
import { type Credentials, RealtimeClient, type SocketLike } from './RealtimeClient'

type Sent = Record<string, unknown> & { t: string; id: string }

class FakeSocket implements SocketLike {
  static all: FakeSocket[] = []
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  onerror: SocketLike['onerror'] = null
  sent: Sent[] = []
  closedByUs = false

  constructor() {
    FakeSocket.all.push(this)
  }
  send(text: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    this.sent.push(JSON.parse(String(text)))
  }
  close(): void {
    this.closedByUs = true
  }
  open(): void {
    this.onopen?.call(this as unknown as WebSocket, new Event('open'))
  }
  say(frame: object): void {
    this.onmessage?.call(this as unknown as WebSocket, { data: JSON.stringify(frame) } as MessageEvent)
  }
  cut(code = 1006, reason = ''): void {
    this.onclose?.call(this as unknown as WebSocket, { code, reason } as CloseEvent)
  }
  last(t: string): Sent {
    const found = this.sent.findLast((one) => one.t === t)
    if (!found) throw new Error(`no ${t} sent`)
    return found
  }
  welcome(over: object = {}): void {
    this.open()
    this.say({
      t: 'welcome',
      re: this.last('hello').id,
      v: 1,
      connection: 'conn-1',
      secret: 's'.repeat(16),
      heartbeat_s: 15,
      positions: { 'room:1': { epoch: 'e', seq: 0 } },
      replay: { 'room:1': 'snapshot' },
      room: { session_id: '1', position: { epoch: 'e', seq: 0 } },
      server_time: new Date().toISOString(),
      ...over,
    })
  }
}

const news = (seq: number, epoch = 'e', topic = 'room:1') => ({ t: 'event', topic, epoch, seq, name: 'n', at: '', data: seq })
const newest = (): FakeSocket => {
  const found = FakeSocket.all.at(-1)
  if (!found) throw new Error('no socket')
  return found
}
const continued = { replay: { 'room:1': 'continued' }, room: null }

let credentials: ReturnType<typeof vi.fn<() => Promise<Credentials>>>
let heard: number[]
let snapshots: string[]
let client: RealtimeClient

async function begin(over: object = {}): Promise<FakeSocket> {
  client.start()
  await vi.advanceTimersByTimeAsync(0)
  const socket = newest()
  socket.welcome(over)
  return socket
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.all = []
  heard = []
  snapshots = []
  credentials = vi.fn(async () => ({ grant: 'g'.repeat(20) }))
  client = new RealtimeClient({
    credentials,
    locale: () => 'en',
    url: 'ws://test/socket',
    open: () => new FakeSocket(),
    random: () => 0.5,
  })
  client.on('event', (frame: EventFrame) => heard.push(frame.seq))
  client.on('snapshot', (topic) => snapshots.push(topic))
})
afterEach(() => {
  client.stop()
  vi.useRealTimers()
})

describe('numbered news', () => {
  test('is delivered in order, each once, through doubles and a shuffle', async () => {
    const socket = await begin()
    for (const seq of [1, 1, 3, 2, 3, 2, 5, 4, 1, 6]) socket.say(news(seq))
    expect(heard).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('of a shuffled and doubled stream of 300 frames nothing is lost or doubled', async () => {
    const socket = await begin()
    let seed = 7
    const random = () => {
      seed = (seed * 16807) % 2147483647
      return seed / 2147483647
    }
    const stream = Array.from({ length: 300 }, (_, i) => ({ seq: i + 1, key: i + random() * 20 })).sort((a, b) => a.key - b.key)
    for (const { seq } of stream) {
      socket.say(news(seq))
      if (random() < 0.3) socket.say(news(seq))
    }
    expect(heard).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
  })

  test('a hole that does not fill is asked for, and the replay closes it', async () => {
    const socket = await begin()
    socket.say(news(1))
    socket.say(news(3))
    await vi.advanceTimersByTimeAsync(500)
    const follow = socket.last('follow')
    expect(follow.after).toEqual({ epoch: 'e', seq: 1 })
    socket.say(news(2))
    socket.say({ t: 'reply', re: follow.id, ok: true, data: { replay: 'continued', position: { epoch: 'e', seq: 3 } } })
    await vi.advanceTimersByTimeAsync(0)
    expect(heard).toEqual([1, 2, 3])
    expect(snapshots).toEqual(['room:1'])
  })

  test('a hole in a room that the server cannot replay brings the room anew with a new welcome', async () => {
    const socket = await begin()
    socket.say(news(1))
    socket.say(news(9))
    await vi.advanceTimersByTimeAsync(500)
    socket.say({
      t: 'reply',
      re: socket.last('follow').id,
      ok: true,
      data: { replay: 'snapshot', position: { epoch: 'f', seq: 20 } },
    })
    await vi.advanceTimersByTimeAsync(10)
    const second = newest()
    expect(second).not.toBe(socket)
    second.welcome({
      positions: { 'room:1': { epoch: 'f', seq: 20 } },
      room: { session_id: '1', position: { epoch: 'f', seq: 20 } },
    })
    expect(second.last('hello').after).toEqual({})
    second.say(news(21, 'f'))
    expect(heard).toEqual([1, 21])
    expect(snapshots).toEqual(['room:1', 'room:1'])
  })

  test('what comes before the first state of a followed topic waits for it', async () => {
    const socket = await begin()
    client.follow('booking:b')
    const follow = socket.last('follow')
    socket.say(news(5, 'x', 'booking:b'))
    expect(heard).toEqual([])
    socket.say({ t: 'reply', re: follow.id, ok: true, data: { replay: 'snapshot', position: { epoch: 'x', seq: 4 } } })
    await vi.advanceTimersByTimeAsync(0)
    expect(snapshots).toEqual(['room:1', 'booking:b'])
    expect(heard).toEqual([5])
  })
})

describe('coming back', () => {
  test('resumes its place with the positions it has, without a new grant', async () => {
    const socket = await begin()
    socket.say(news(1))
    socket.say(news(2))
    socket.cut()
    await vi.advanceTimersByTimeAsync(10)
    const second = newest()
    second.open()
    expect(second.last('hello')).toMatchObject({
      resume: { connection: 'conn-1', secret: 's'.repeat(16) },
      after: { 'room:1': { epoch: 'e', seq: 2 } },
    })
    expect(second.last('hello').grant).toBeUndefined()
    second.welcome({ ...continued, positions: { 'room:1': { epoch: 'e', seq: 4 } } })
    for (const seq of [2, 3, 4, 4]) second.say(news(seq))
    expect(heard).toEqual([1, 2, 3, 4])
    expect(credentials).toHaveBeenCalledTimes(1)
    expect(client.state).toBe('open')
  })

  test('a server that is away does not cost the place', async () => {
    const socket = await begin()
    socket.cut()
    await vi.advanceTimersByTimeAsync(10)
    for (let i = 0; i < 4; i++) {
      newest().cut()
      await vi.advanceTimersByTimeAsync(6500)
    }
    newest().welcome(continued)
    expect(newest().last('hello').resume).toEqual({ connection: 'conn-1', secret: 's'.repeat(16) })
    expect(credentials).toHaveBeenCalledTimes(1)
  })

  test('a refused place leads to fresh credentials', async () => {
    const socket = await begin()
    socket.cut()
    await vi.advanceTimersByTimeAsync(10)
    newest().open()
    newest().cut(4401)
    await vi.advanceTimersByTimeAsync(400)
    newest().open()
    expect(newest().last('hello').grant).toBe('g'.repeat(20))
    expect(credentials).toHaveBeenCalledTimes(2)
  })

  test('waits 0, 0.3, 1, 2, 5, 5 seconds between tries and never gives up', async () => {
    await begin()
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      const before = FakeSocket.all.length
      const from = Date.now()
      newest().cut()
      while (FakeSocket.all.length === before) await vi.advanceTimersByTimeAsync(50)
      waits.push(Date.now() - from)
    }
    expect(waits.slice(0, 5).map((ms) => Math.round(ms / 100) / 10)).toEqual([0.1, 0.3, 1, 2, 5])
    expect(waits.slice(5).every((ms) => ms >= 4900 && ms <= 5100)).toBe(true)
    newest().welcome(continued)
    expect(client.state).toBe('open')
  })

  test('a server that welcomes and cuts at once is not stormed', async () => {
    await begin()
    for (let i = 0; i < 400; i++) {
      newest().cut(1012)
      await vi.advanceTimersByTimeAsync(250)
      if (client.state === 'connecting' && newest().sent.length === 0) newest().welcome(continued)
    }
    // 100 s in all: the pauses have grown to 5 s.
    expect(FakeSocket.all.length).toBeLessThan(30)
  })

  test('frames of an abandoned socket are not heard any more', async () => {
    const socket = await begin()
    socket.cut()
    await vi.advanceTimersByTimeAsync(10)
    newest().welcome(continued)
    socket.say(news(1))
    socket.cut(4410)
    expect(heard).toEqual([])
    expect(client.state).toBe('open')
  })

  test('a silent socket is taken as dead', async () => {
    const socket = await begin()
    await vi.advanceTimersByTimeAsync(31_000)
    expect(socket.closedByUs).toBe(true)
    expect(newest()).not.toBe(socket)
  })

  test('poke finds a dead line within three seconds', async () => {
    const socket = await begin()
    await vi.advanceTimersByTimeAsync(10_000)
    client.poke()
    await vi.advanceTimersByTimeAsync(2600)
    expect(newest()).not.toBe(socket)
  })
})

describe('messages', () => {
  test('one without an answer is sent again with the same id', async () => {
    const socket = await begin()
    const answer = client.send({ t: 'room.signal', kind: 'slower' })
    const id = socket.last('room.signal').id
    socket.cut()
    await vi.advanceTimersByTimeAsync(10)
    newest().welcome(continued)
    expect(newest().last('room.signal').id).toBe(id)
    newest().say({ t: 'reply', re: id, ok: true, data: { signal_id: 'x' } })
    await expect(answer).resolves.toEqual({ signal_id: 'x' })
  })

  test('one that was answered is not sent again', async () => {
    const socket = await begin()
    const answer = client.send({ t: 'room.pause', reason: 'break' })
    socket.say({ t: 'reply', re: socket.last('room.pause').id, ok: true })
    await answer
    socket.cut()
    await vi.advanceTimersByTimeAsync(10)
    newest().welcome(continued)
    expect(newest().sent.some((one) => one.t === 'room.pause')).toBe(false)
  })

  test('media messages die with the socket, and a refusal carries its code', async () => {
    const socket = await begin()
    const media = client.send({ t: 'media.candidate', generation: 1, candidate: null, mid: null })
    const refused = client.send({ t: 'room.resume' })
    socket.say({ t: 'reply', re: socket.last('room.resume').id, ok: false, problem: { code: 'not_everybody_here', params: {} } })
    await expect(refused).rejects.toMatchObject({ code: 'not_everybody_here' })
    socket.cut()
    await expect(media).rejects.toMatchObject({ code: 'line_lost' })
  })
})

test('a topic that was wanted before the line was there is asked for once', async () => {
  client.follow('board:RS')
  const socket = await begin()
  expect(socket.sent.filter((one) => one.t === 'follow')).toHaveLength(1)
})

describe('the end', () => {
  test.each([
    [4401, 'signed_out'],
    [4403, 'refused'],
    [4410, 'replaced'],
  ])('close code %i is final', async (code, reason) => {
    const ends: unknown[] = []
    client.on('state', (state, why) => state === 'ended' && ends.push(why))
    const socket = await begin()
    socket.cut(code)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(ends).toEqual([reason])
    expect(FakeSocket.all).toHaveLength(1)
  })

  test('a session that ended while the line was away is over, for guests and for staff', async () => {
    const ends: unknown[] = []
    client.on('state', (state, why) => state === 'ended' && ends.push(why))
    const socket = await begin()
    socket.cut()
    await vi.advanceTimersByTimeAsync(10)
    newest().open()
    newest().cut(4403, 'session_over')
    expect(ends).toEqual(['over'])
  })

  test('somebody who left does not come back, even when the answer got lost', async () => {
    const socket = await begin()
    const answer = client.send({ t: 'room.leave' })
    answer.catch(() => {})
    socket.cut(1000, 'left')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(client.state).toBe('ended')
    expect(client.endReason).toBe('closed')
    expect(FakeSocket.all).toHaveLength(1)
    await expect(answer).rejects.toMatchObject({ code: 'closed' })
  })

  test('any other friendly end is a cut line', async () => {
    const socket = await begin()
    socket.cut(1000)
    expect(client.state).toBe('connecting')
  })

  test('no ticket because nobody is signed in', async () => {
    credentials.mockRejectedValue(new AppError('unauthenticated', 401))
    client.start()
    await vi.advanceTimersByTimeAsync(0)
    expect([client.state, client.endReason]).toEqual(['ended', 'signed_out'])
  })

  test('a sign-in that ended outside of a room asks for a fresh ticket', async () => {
    const socket = await begin({ secret: undefined })
    socket.cut(4401)
    await vi.advanceTimersByTimeAsync(400)
    newest().welcome()
    expect(client.state).toBe('open')
    expect(credentials).toHaveBeenCalledTimes(2)
  })

  test('no ticket because the server is away is tried again', async () => {
    credentials.mockRejectedValueOnce(new AppError('offline')).mockRejectedValueOnce(new AppError('offline'))
    client.start()
    await vi.advanceTimersByTimeAsync(5000)
    newest().welcome()
    expect(client.state).toBe('open')
  })
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AppError } from '../lib/errors'
import type { ClientMessage, MediaOffer } from '../realtime/protocol'
import type { RemoteTrack } from './PeerLink'
import { type LineReport, PeerTransport } from './PeerTransport'

type Fake = RTCPeerConnection & {
  configuration: RTCConfiguration
  set: (state: RTCPeerConnectionState) => void
  log: string[]
  packets: number
  isClosed: boolean
}
const track = (id: string) => ({ id, kind: id[0] === 'v' ? 'video' : 'audio' }) as MediaStreamTrack
const sdp = (...lines: [string, string, string][]) =>
  `v=0\r\n${lines.map(([mid, kind, direction]) => `m=${kind} 9 UDP 111\r\na=mid:${mid}\r\na=${direction}\r\n`).join('')}`

let peers: Fake[]
let sent: ClientMessage[]
let refuse: boolean
let remote: RemoteTrack[]
let phases: string[]
let expected: string[]
let heardWell: boolean
let reports: LineReport[]
let own: { audio: MediaStreamTrack | null; video: MediaStreamTrack | null }
let transport: PeerTransport

/** A peer connection that remembers the order of what was asked of it. */
function fakePeer(configuration: RTCConfiguration): Fake {
  const transceivers = new Map<
    string,
    {
      mid: string
      direction: string
      sender: { track: unknown; replaceTrack: (t: unknown) => Promise<void> }
      receiver: { track: MediaStreamTrack }
    }
  >()
  const peer = {
    configuration,
    connectionState: 'new' as RTCPeerConnectionState,
    log: [] as string[],
    packets: 0,
    isClosed: false,
    onconnectionstatechange: null as null | (() => void),
    onicecandidate: null,
    localDescription: null as null | { sdp: string },
    getTransceivers: () => [...transceivers.values()],
    async setRemoteDescription(description: { sdp: string }) {
      peer.log.push('remote')
      await Promise.resolve()
      for (const [, mid] of description.sdp.matchAll(/a=mid:(\S+)/g)) {
        if (!mid || transceivers.has(mid)) continue
        const sender = {
          track: null as unknown,
          async replaceTrack(t: unknown) {
            sender.track = t
          },
          getParameters: () => ({ encodings: [{}] }),
          setParameters: async () => {},
        }
        transceivers.set(mid, { mid, direction: 'recvonly', sender, receiver: { track: track(`r${mid}`) } })
      }
    },
    createAnswer: async () => {
      peer.log.push('answer')
      return { type: 'answer', sdp: 'answer' }
    },
    async setLocalDescription() {
      peer.log.push('local')
      peer.localDescription = { sdp: 'answer' }
    },
    getStats: async () => {
      peer.packets += 100
      return new Map([
        ['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: peer.packets, packetsLost: 0, jitter: 0.005 }],
      ])
    },
    set(state: RTCPeerConnectionState) {
      peer.connectionState = state
      peer.onconnectionstatechange?.()
    },
    close() {
      peer.isClosed = true
      peer.connectionState = 'closed'
    },
  }
  peers.push(peer as unknown as Fake)
  return peer as unknown as Fake
}

const offer = (
  generation: number,
  negotiation = 1,
  lines: [string, string, string][] = [
    ['0', 'audio', 'recvonly'],
    ['1', 'video', 'recvonly'],
    ['2', 'audio', 'sendonly'],
  ],
): MediaOffer => ({
  t: 'media.offer',
  generation,
  negotiation,
  sdp: sdp(...lines),
  tracks: lines
    .filter(([, , d]) => d === 'sendonly')
    .map(([mid, kind]) => ({ mid, participant_id: `p${mid}`, kind: kind as 'audio' })),
})
const starts = () => sent.filter((one) => one.t === 'media.start').length
const answers = () => sent.flatMap((one) => (one.t === 'media.answer' ? [`${one.generation}.${one.negotiation}`] : []))
const peer = (n: number): Fake => {
  const found = peers[n]
  if (!found) throw new Error(`no peer ${n}`)
  return found
}
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  peers = []
  sent = []
  refuse = false
  remote = []
  phases = []
  expected = []
  heardWell = false
  reports = []
  own = { audio: track('a-mine'), video: null }
  transport = new PeerTransport({
    iceServers: [],
    send: async (message) => {
      if (refuse) throw new AppError('line_lost')
      sent.push(message)
    },
    own: () => own,
    want: () => ({ send_audio: true, send_video: true, receive_audio: true, receive_video: true }),
    expected: () => expected,
    heardWell: () => heardWell,
    onRemote: (tracks) => {
      remote = tracks
    },
    onPhase: (phase) => phases.push(phase),
    onReport: (report) => reports.push(report),
    createPeer: fakePeer,
  })
  transport.start()
})
afterEach(() => {
  transport.close()
  vi.useRealTimers()
})

async function connect(): Promise<void> {
  transport.take(offer(1))
  await settle()
  peer(0).set('connected')
}

describe('negotiation', () => {
  test('answers with the own sound on the line where the server listens', async () => {
    await connect()
    const [audio, video, theirs] = peer(0).getTransceivers()
    expect([audio?.direction, video?.direction, theirs?.direction]).toEqual(['sendonly', 'sendonly', 'recvonly'])
    expect(audio?.sender.track).toEqual(own.audio)
    expect(answers()).toEqual(['1.1'])
    expect(remote.map((one) => [one.participant, one.kind])).toEqual([['p2', 'audio']])
    expect(phases).toEqual(['connected'])
  })

  test('offers of one generation are answered one after the other, repeated ones once', async () => {
    const more = offer(1, 2, [
      ['0', 'audio', 'recvonly'],
      ['2', 'audio', 'sendonly'],
      ['3', 'audio', 'sendonly'],
    ])
    transport.take(offer(1))
    transport.take(more)
    transport.take(offer(1))
    await settle()
    expect(peer(0).log).toEqual(['remote', 'answer', 'local', 'remote', 'answer', 'local'])
    expect(answers()).toEqual(['1.1', '1.2'])
  })

  test('switching the camera on needs no negotiation', async () => {
    await connect()
    own = { ...own, video: track('v-mine') }
    await transport.refreshOwn()
    expect(peer(0).getTransceivers()[1]?.sender.track).toEqual(own.video)
    expect(answers()).toEqual(['1.1'])
  })
})

test("what others lose of our sound is not our line's fault", async () => {
  await connect()
  peer(0).getStats = (async () => new Map([['r', { type: 'remote-inbound-rtp', kind: 'audio', fractionLost: 0.2 }]])) as never
  heardWell = true
  await vi.advanceTimersByTimeAsync(8000)
  expect(reports.map((one) => one.grade)).not.toContain('weak')
  expect(reports.at(-1)?.loss).toBe(0)
  heardWell = false
  await vi.advanceTimersByTimeAsync(6000)
  expect(reports.at(-1)?.grade).toBe('weak')
})

describe('what is lost on its way', () => {
  const third: [string, string, string][] = [
    ['0', 'audio', 'recvonly'],
    ['2', 'audio', 'sendonly'],
    ['4', 'audio', 'sendonly'],
  ]

  test('an answer that never arrived leaves nobody unheard: the newcomer is missed and a new connection asked for', async () => {
    await connect()
    refuse = true
    transport.take(offer(1, 2, third))
    await settle()
    refuse = false
    expect(remote.map((one) => one.participant)).toEqual(['p2'])
    expected = ['p2', 'p4']
    transport.socketBack()
    await settle()
    expect(starts()).toBe(2)
  })

  test('a way that is known to be dead is not looked at again when the socket is back', async () => {
    await connect()
    peer(0).getStats = (async () => new Map([['t', { type: 'transport', bytesReceived: 4000 }]])) as never
    refuse = true
    transport.socketGone()
    await vi.advanceTimersByTimeAsync(1400)
    expect(phases).toEqual(['connected', 'recovering'])
    refuse = false
    transport.socketBack()
    await settle()
    expect(starts()).toBe(2)
  })

  test('each connection takes the relay credentials that came with its offer', async () => {
    await connect()
    expect(peer(0).configuration.iceServers).toEqual([])
    const iceServers = [{ urls: ['turn:relay.example.org'], username: '1:p', credential: 'fresh' }]
    peer(0).set('failed')
    transport.take({ ...offer(2), ice_servers: iceServers })
    await settle()
    expect(peer(1).configuration.iceServers).toEqual(iceServers)
  })

  test('a line that needs longer than others gets longer', async () => {
    await connect()
    peer(0).set('failed')
    await settle()
    const times: number[] = []
    for (let second = 0; second < 90; second += 1) {
      const before = starts()
      await vi.advanceTimersByTimeAsync(1000)
      transport.take(offer(10 + starts()))
      if (starts() > before) times.push(second)
    }
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9)
    expect(Math.max(...gaps)).toBeGreaterThanOrEqual(15)
  })
})

describe('recovery', () => {
  test('makes the new connection before it breaks the old one', async () => {
    await connect()
    peer(0).set('disconnected')
    await vi.advanceTimersByTimeAsync(4200)
    expect(starts()).toBe(2)
    transport.take(offer(2))
    await settle()
    expect(peer(0).isClosed).toBe(false)
    expect(peer(1).getTransceivers()[0]?.sender.track).toEqual(own.audio)
    peer(1).set('connected')
    await vi.advanceTimersByTimeAsync(500)
    expect(peer(0).isClosed).toBe(true)
    expect(phases).toEqual(['connected', 'recovering', 'connected'])
  })

  test('a short disconnection heals without a new connection', async () => {
    await connect()
    peer(0).set('disconnected')
    await vi.advanceTimersByTimeAsync(1500)
    peer(0).set('connected')
    await vi.advanceTimersByTimeAsync(5000)
    expect(starts()).toBe(1)
  })

  test('offers of a dead generation are ignored', async () => {
    await connect()
    transport.take(offer(3))
    transport.take(offer(2))
    await settle()
    expect(peers).toHaveLength(2)
    expect(answers()).toEqual(['1.1', '3.1'])
  })

  test('a node that was started anew and counts from one again is understood', async () => {
    await connect()
    peer(0).set('failed')
    await vi.advanceTimersByTimeAsync(2000)
    expect(starts()).toBe(2)
    transport.take(offer(1))
    await settle()
    expect(answers()).toEqual(['1.1', '1.1'])
    peer(1).set('connected')
    transport.take(offer(1, 2))
    await settle()
    expect(answers()).toEqual(['1.1', '1.1', '1.2'])
    expect(peer(1).log).toHaveLength(6)
  })

  test('tries without end while nothing comes of it, not more than every four seconds', async () => {
    await connect()
    peer(0).set('failed')
    await vi.advanceTimersByTimeAsync(120_000)
    expect(starts()).toBeGreaterThan(8)
    expect(starts()).toBeLessThan(40)
  })

  test('without a socket it waits for it, then asks at once', async () => {
    await connect()
    refuse = true
    peer(0).set('failed')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(starts()).toBe(1)
    refuse = false
    transport.socketBack()
    await settle()
    expect(starts()).toBe(2)
  })

  test('a socket that comes back leaves a healthy connection alone', async () => {
    await connect()
    expected = ['p2']
    transport.socketBack()
    await settle()
    expect(starts()).toBe(1)
  })

  test('a socket that comes back to a dead process makes a dead connection anew at once', async () => {
    await connect()
    peer(0).getStats = (async () => new Map([['t', { type: 'transport', bytesReceived: 4000 }]])) as never
    transport.socketBack()
    await vi.advanceTimersByTimeAsync(1400)
    expect(starts()).toBe(2)
  })

  test('when the whole way is gone it is said within two seconds, when only the socket is gone it is not', async () => {
    await connect()
    let bytes = 4000
    let growing = true
    peer(0).getStats = (async () => new Map([['t', { type: 'transport', bytesReceived: growing ? ++bytes : bytes }]])) as never
    await vi.advanceTimersByTimeAsync(4000)
    transport.socketGone()
    await vi.advanceTimersByTimeAsync(1900)
    expect(phases).toEqual(['connected'])
    growing = false
    refuse = true
    transport.socketGone()
    await vi.advanceTimersByTimeAsync(1900)
    expect(phases).toEqual(['connected', 'recovering'])
    growing = true
    await vi.advanceTimersByTimeAsync(4000)
    expect(phases).toEqual(['connected', 'recovering', 'connected'])
  })

  test('an offer that was missed shows as somebody without sound, and is made good', async () => {
    await connect()
    expected = ['p2', 'p9']
    transport.socketBack()
    await settle()
    expect(starts()).toBe(2)
  })

  test('eight silent seconds call for a new connection, and a far side that stays silent is asked ever more seldom', async () => {
    await connect()
    expected = ['p2']
    peer(0).getStats = (async () => new Map([['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: 5 }]])) as never
    await vi.advanceTimersByTimeAsync(7000)
    expect(starts()).toBe(1)
    await vi.advanceTimersByTimeAsync(4000)
    expect(starts()).toBe(2)
  })
})

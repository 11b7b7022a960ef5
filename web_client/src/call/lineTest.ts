/**
 * The line tested through a real node: a room of one that sends the own sound back. Measures, never plays.
 * The verdict is in words: good, fair, weak, or no line; and whether the way goes through the relay.
 */

import { asAppError } from '../lib/errors'
import { tab } from '../realtime/tab'
import { checkEntry } from './join'
import { type LineReport, PeerTransport } from './PeerTransport'

export type LineVerdict = {
  grade: 'good' | 'fair' | 'weak' | 'none'
  rtt: number | null
  loss: number
  relay: boolean
  echo: boolean
}

/** Reports of two seconds each that are looked at. */
const reports = 3
const longest = 20_000

/** The worst of some reports, as one verdict. Pure. */
export function verdict(seen: readonly LineReport[], echo: boolean, relay: boolean): LineVerdict {
  const last = seen.at(-1)
  if (!last) return { grade: 'none', rtt: null, loss: 0, relay, echo }
  const loss = seen.reduce((sum, one) => sum + one.loss, 0) / seen.length
  return { grade: last.grade === 'lost' || !echo ? 'none' : last.grade, rtt: last.rtt, loss, relay, echo }
}

/** Runs the test once. Rejects with `AppError` when there is no room to test in. `signal` stops it. */
export async function testLine(audio: MediaStreamTrack | null, signal: AbortSignal): Promise<LineVerdict> {
  const join = await checkEntry()
    .first()
    .catch((thrown: unknown) => {
      throw asAppError(thrown)
    })
  // The page has gone on meanwhile, perhaps into the call: its socket must not be taken away for a test nobody waits for.
  if (signal.aborted) return verdict([], false, false)
  let grant: string | undefined = join.grant
  const client = tab.enter(async () => {
    const mine = grant ?? (await checkEntry().again()).grant
    grant = undefined
    return { grant: mine }
  })
  const seen: LineReport[] = []
  let echo = false
  let relay = false
  let peer: RTCPeerConnection | undefined
  let finish: () => void = () => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const transport = new PeerTransport({
    iceServers: join.ice_servers,
    send: (message) => client.send(message),
    own: () => ({ audio, video: null }),
    want: () => ({ send_audio: true, send_video: false, receive_audio: true, receive_video: false }),
    expected: () => [],
    onRemote: () => {},
    onPhase: () => {},
    onReport: (report) => {
      seen.push(report)
      if (seen.length >= reports) finish()
    },
    createPeer: (configuration) => {
      peer = new RTCPeerConnection(configuration)
      return peer
    },
  })
  client.on('mediaOffer', (offer) => transport.take(offer))
  client.on('welcome', () => transport.start())
  const limit = setTimeout(finish, longest)
  signal.addEventListener('abort', finish)
  client.start()
  try {
    await done
    if (peer) ({ echo, relay } = await wayOf(peer))
    return verdict(seen, echo, relay)
  } finally {
    clearTimeout(limit)
    await Promise.race([client.send({ t: 'room.leave' }).catch(() => {}), new Promise((after) => setTimeout(after, 500))])
    transport.close()
    tab.leave(client)
  }
}

async function wayOf(peer: RTCPeerConnection): Promise<{ echo: boolean; relay: boolean }> {
  const report = (await peer.getStats().catch(() => new Map())) as Map<string, Record<string, unknown>>
  let echo = false
  let relay = false
  for (const one of report.values()) {
    if (one.type === 'inbound-rtp' && one.kind === 'audio' && Number(one.packetsReceived) > 0) echo = true
    if (one.type === 'transport') {
      const pair = report.get(String(one.selectedCandidatePairId))
      relay = report.get(String(pair?.localCandidateId))?.candidateType === 'relay'
    }
  }
  return { echo, relay }
}

/** From counters of the browser to one word about the line. Pure. Formula after LiveKit's scorer (web.md, section 4). */
export type LineGrade = 'good' | 'fair' | 'weak' | 'lost'

/** What two readings of `getStats` tell about the time between them. Loss 0..1, times in milliseconds. */
export type LineSample = {
  rtt: number | null
  jitter: number
  lossDown: number
  lossUp: number
  audioPackets: number
  bytes: number
}

/** Opus with in-band FEC hides about two thirds of the loss; 8 points per percent without it. */
const lossWeight = 8 / 1.5

/** 0..100 for one sample. */
export function score(sample: LineSample): number {
  const delay = (sample.rtt ?? 0) / 2 + 2 * sample.jitter
  const late = delay > 160 ? (delay - 120) / 10 : delay / 40
  const loss = Math.max(sample.lossDown, sample.lossUp) * 100
  return Math.max(0, Math.min(100, 100 - late - loss * lossWeight))
}

/** Smooth: gets worse quickly, better slowly. */
export const smoothed = (before: number | undefined, now: number): number =>
  before === undefined ? now : before + (now < before ? 0.7 : 0.4) * (now - before)

export const graded = (value: number): Exclude<LineGrade, 'lost'> => (value > 80 ? 'good' : value > 40 ? 'fair' : 'weak')

/** Longest wait without any sound packet before the line counts as lost, in milliseconds. */
export const silenceLimit = 8000

type Report = Map<string, Record<string, unknown>>
const num = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)

/** Counters of one peer connection at one moment. */
export type Counters = {
  at: number
  audioReceived: number
  audioLost: number
  jitter: number
  rtt: number | null
  lossUp: number
  bytes: number
  micLevel: number | null
}

/** Reads what we need out of a `getStats` report. */
export function counters(report: Report, at: number): Counters {
  const found: Counters = { at, audioReceived: 0, audioLost: 0, jitter: 0, rtt: null, lossUp: 0, bytes: 0, micLevel: null }
  let pair: string | undefined
  for (const one of report.values()) {
    if (one.type === 'inbound-rtp' && one.kind === 'audio') {
      found.audioReceived += num(one.packetsReceived)
      found.audioLost += num(one.packetsLost)
      found.jitter = Math.max(found.jitter, num(one.jitter) * 1000)
    } else if (one.type === 'remote-inbound-rtp' && one.kind === 'audio') {
      found.lossUp = Math.max(found.lossUp, num(one.fractionLost))
      found.jitter = Math.max(found.jitter, num(one.jitter) * 1000)
      if (num(one.roundTripTime) > 0) found.rtt = num(one.roundTripTime) * 1000
    } else if (one.type === 'transport') {
      found.bytes += num(one.bytesReceived) + num(one.bytesSent)
      pair = one.selectedCandidatePairId as string | undefined
    } else if (one.type === 'media-source' && one.kind === 'audio') found.micLevel = num(one.audioLevel)
  }
  const selected = pair === undefined ? undefined : report.get(pair)
  if (selected && num(selected.currentRoundTripTime) > 0) found.rtt = num(selected.currentRoundTripTime) * 1000
  return found
}

/** Bytes that came in over the transport so far; undefined where the browser does not tell. */
export function received(report: Report): number | undefined {
  for (const one of report.values())
    if (one.type === 'transport' && typeof one.bytesReceived === 'number') return one.bytesReceived
  return undefined
}

/** What happened between two readings of the same connection. */
export function sampleBetween(before: Counters, now: Counters): LineSample {
  const received = Math.max(0, now.audioReceived - before.audioReceived)
  const lost = Math.max(0, now.audioLost - before.audioLost)
  return {
    rtt: now.rtt,
    jitter: now.jitter,
    lossDown: received + lost === 0 ? 0 : lost / (received + lost),
    lossUp: now.lossUp,
    audioPackets: received,
    bytes: Math.max(0, now.bytes - before.bytes),
  }
}

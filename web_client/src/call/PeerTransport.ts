/**
 * Sound and pictures between this browser and the node, kept alive: on trouble a second connection is opened beside the first and
 * takes over once it stands (make before break). Retries never end by themselves, and never touch what is muted.
 */
import type { ClientMessage, MediaOffer, Want } from '../realtime/protocol'
import { type OwnTracks, PeerLink, type RemoteTrack } from './PeerLink'
import { type Counters, counters, graded, type LineGrade, received, sampleBetween, score, smoothed } from './quality'
import { type MediaFacts, needsRestart, pause } from './recovery'

export type LinePhase = 'starting' | 'connected' | 'recovering' | 'closed'
export type LineReport = {
  grade: LineGrade
  score: number
  rtt: number | null
  loss: number
  bytes: number
  micLevel: number | null
}

export type TransportOptions = {
  iceServers: RTCIceServer[]
  send: (message: ClientMessage) => Promise<unknown>
  own: () => OwnTracks
  want: () => Want
  /** Other people whose sound should arrive now. */
  expected: () => string[]
  /** The node says that our own line is good. What it reports as lost holds the losses of those who listen too, so that we send with care. */
  heardWell?: () => boolean
  /** Somebody else's line is bad: what it loses on its way up is missing here too. */
  badElsewhere?: () => boolean
  onRemote: (tracks: RemoteTrack[]) => void
  onPhase: (phase: LinePhase) => void
  onReport: (report: LineReport) => void
  createPeer?: (configuration: RTCConfiguration) => RTCPeerConnection
}

const every = 1000
const linger = 400
/** Reports of the node come at least once a second. */
const feelFor = 1300

export class PeerTransport {
  phase: LinePhase = 'starting'
  #options: TransportOptions
  #current: PeerLink | undefined
  #next: PeerLink | undefined
  #newest = 0
  /** We asked for a connection and no offer has come yet. */
  #awaiting = false
  #timer: ReturnType<typeof setInterval> | undefined
  #ticks = 0
  #attemptSince: number | undefined
  #attempts = 0
  #notBefore = 0
  #silentTries = 0
  #heardAt: number | undefined
  /** When anything at all came in over the present connection, as far as was looked. */
  #flowAt = 0
  #flowed: number | undefined
  #expectedSince = 0
  #expecting = false
  #missingSince: number | undefined
  #counted: { link: PeerLink; counters: Counters } | undefined
  #score: number | undefined
  #bytes = 0

  constructor(options: TransportOptions) {
    this.#options = options
  }

  start(): void {
    if (this.phase === 'closed' || this.#timer !== undefined) return
    this.#timer = setInterval(() => this.#tick(), every)
    this.#attempt()
  }

  /**
   * An offer from the server. A higher generation is a new connection and older ones are dead; but a node that was started anew counts
   * from one again, so the first offer after our `media.start` is a new connection whatever its number.
   */
  take(offer: MediaOffer): void {
    if (this.phase === 'closed') return
    const first = offer.negotiation === 1 && (offer.generation > this.#newest || this.#awaiting)
    if (first) {
      this.#awaiting = false
      this.#newest = offer.generation
      this.#next?.close()
      this.#next = this.#link(offer)
      void this.#next.take(offer)
      return
    }
    const link = this.#next?.generation === offer.generation ? this.#next : this.#current
    if (link?.generation === offer.generation) void link.take(offer)
  }

  /** Own tracks changed: another microphone, the camera on or off. */
  async refreshOwn(): Promise<void> {
    await Promise.all([this.#current?.refreshOwn(), this.#next?.refreshOwn()])
  }

  /** The socket is back: offers may have been missed, so a connection that is not whole is made anew. */
  socketBack(): void {
    if (this.phase === 'closed') return
    const current = this.phase === 'connected' && this.#current?.connection === 'connected' ? this.#current : undefined
    if (current && this.#missing().length === 0) void this.#feel(current)
    else this.restart()
  }

  /** The browser believes in a dead connection for seconds: one on which nothing comes in at all is made anew. */
  async #feel(link: PeerLink): Promise<void> {
    const bytes = async () => {
      const report = await link.pc.getStats().catch(() => undefined)
      return report && received(report as unknown as Map<string, Record<string, unknown>>)
    }
    const before = await bytes()
    await new Promise((done) => setTimeout(done, feelFor))
    if (before === undefined || this.phase === 'closed' || link !== this.#current) return
    if ((await bytes()) !== before || this.#attemptSince !== undefined) return
    this.#flowed = before
    this.#set('recovering')
    this.restart()
  }

  /** The socket is gone, or the network is another one: is it the signalling alone, or the whole way? */
  socketGone(): void {
    if (this.#current?.connection === 'connected') void this.#feel(this.#current)
  }

  /** Asks for a new connection now (the network changed, somebody pressed "try again"). */
  restart(): void {
    if (this.phase === 'closed') return
    this.#attemptSince = undefined
    this.#notBefore = 0
    this.#attempt()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#current?.close()
    this.#next?.close()
    this.#current = this.#next = undefined
    this.#set('closed')
  }

  #link({ generation, ice_servers = this.#options.iceServers }: MediaOffer): PeerLink {
    const configuration: RTCConfiguration = { iceServers: ice_servers, bundlePolicy: 'max-bundle' }
    const pc = this.#options.createPeer?.(configuration) ?? new RTCPeerConnection(configuration)
    return new PeerLink(generation, pc, {
      send: this.#options.send,
      own: this.#options.own,
      changed: (link) => this.#changed(link),
    })
  }

  #changed(link: PeerLink): void {
    if (this.phase === 'closed') return
    if (link === this.#next && link.connection === 'connected') {
      const old = this.#current
      this.#current = link
      this.#next = undefined
      this.#attemptSince = undefined
      this.#attempts = 0
      this.#flowAt = performance.now()
      if (old) setTimeout(() => old.close(), linger)
    } else if (link === this.#next && link.connection === 'failed') {
      link.close()
      this.#next = undefined
      this.#attemptSince = undefined
    }
    if (link === this.#current) {
      this.#options.onRemote(link.remote)
      this.#set(link.connection === 'connected' ? 'connected' : 'recovering')
      if (link.connection === 'failed' || link.connection === 'closed') this.#attempt()
    }
  }

  #attempt(): void {
    const now = performance.now()
    if (this.phase === 'closed' || this.#attemptSince !== undefined || now < this.#notBefore) return
    this.#attempts += 1
    this.#attemptSince = now
    this.#notBefore = now + pause(this.#attempts)
    this.#awaiting = true
    const mine = now
    this.#options.send({ t: 'media.start', want: this.#options.want() }).catch(() => {
      if (this.#attemptSince === mine) this.#attemptSince = undefined
    })
  }

  #facts(): MediaFacts {
    return {
      connection: this.#current?.connection ?? 'new',
      since: this.#current?.since ?? 0,
      heardAt: this.#heardAt,
      flowAt: this.#flowAt,
      expectSound: this.#expecting,
      expectedSince: this.#expectedSince,
      attemptSince: this.#attemptSince,
      attempts: this.#attempts,
    }
  }

  #tick(): void {
    const now = performance.now()
    const expecting = this.#options.expected().length > 0
    if (expecting !== this.#expecting) {
      this.#expecting = expecting
      this.#expectedSince = now
    }
    this.#missingSince = this.#missing().length > 0 ? (this.#missingSince ?? now) : undefined
    const reason = needsRestart(this.#facts(), now)
    if (reason === 'stuck') {
      this.#attemptSince = undefined
      this.#attempt()
    } else if (reason === 'silent') {
      // A far side that stays silent is asked again more and more seldom.
      this.#silentTries += 1
      this.#expectedSince = now + Math.min(this.#silentTries, 6) * 8000
      this.#attempt()
    } else if (reason) this.#attempt()
    else if (this.#attemptSince === undefined && !this.#current) this.#attempt()
    else if (this.#missingSince !== undefined && now - this.#missingSince > 4000) {
      this.#missingSince = now
      this.#attempt()
    }
    this.#ticks += 1
    if (this.#ticks % 2 === 0) void this.#measure()
  }

  /** People whose sound is expected but for whom no track is there. */
  #missing(): string[] {
    const link = this.#current
    if (!link || this.#next || link.waiting) return []
    const have = new Set(link.remote.filter((one) => one.kind === 'audio').map((one) => one.participant))
    return this.#options.expected().filter((id) => !have.has(id))
  }

  async #measure(): Promise<void> {
    const link = this.#current
    if (!link || link.connection === 'closed') return
    const report = await link.pc.getStats().catch(() => undefined)
    if (!report || this.phase === 'closed' || link !== this.#current) return
    const now = counters(report as unknown as Map<string, Record<string, unknown>>, performance.now())
    const flow = received(report as unknown as Map<string, Record<string, unknown>>)
    const flows = flow === undefined || flow !== this.#flowed || this.#counted?.link !== link
    if (flows) this.#flowAt = performance.now()
    if (flows && this.#flowed !== undefined && this.phase === 'recovering' && link.connection === 'connected')
      this.#set('connected')
    this.#flowed = flow
    const before = this.#counted?.link === link ? this.#counted.counters : undefined
    this.#counted = { link, counters: now }
    if (!before) return
    const sample = sampleBetween(before, now)
    if (this.#options.heardWell?.()) {
      sample.lossUp = 0
      if (this.#options.badElsewhere?.()) sample.lossDown = 0
    }
    this.#bytes += sample.bytes
    if (sample.audioPackets > 0) {
      this.#heardAt = now.at
      this.#silentTries = 0
    }
    const dead = link.connection !== 'connected' || performance.now() - this.#flowAt > 3 * every
    this.#score = smoothed(this.#score, dead ? 0 : score(sample))
    this.#options.onReport({
      grade: dead ? 'lost' : graded(this.#score),
      score: this.#score,
      rtt: sample.rtt,
      loss: Math.max(sample.lossDown, sample.lossUp),
      bytes: this.#bytes,
      micLevel: now.micLevel,
    })
  }

  #set(phase: LinePhase): void {
    if (this.phase === phase) return
    this.phase = phase
    this.#options.onPhase(phase)
  }
}

/**
 * One generation of the media connection. The server is always the offerer; its offers are answered one after the other, in order.
 * Own tracks go onto the m-lines on which the server only receives; no description is changed by us.
 */
import { AppError } from '../lib/errors'
import type { ClientMessage, MediaOffer } from '../realtime/protocol'
import { sections } from './sdp'

export type Kind = 'audio' | 'video'
export type RemoteTrack = { participant: string; kind: Kind; track: MediaStreamTrack }
export type OwnTracks = { audio: MediaStreamTrack | null; video: MediaStreamTrack | null }

/** Bits per second: speech never competes with the picture. */
const rates = { audio: 40_000, video: 700_000 }

type Owner = {
  send: (message: ClientMessage) => Promise<unknown>
  own: () => OwnTracks
  changed: (link: PeerLink) => void
}

export class PeerLink {
  readonly generation: number
  readonly pc: RTCPeerConnection
  /** Since when `connection` has its present value (milliseconds of `performance.now`). */
  since = performance.now()
  remote: RemoteTrack[] = []
  /** An offer is being answered, and the server has not said yet that it has the answer. */
  waiting = false
  #owner: Owner
  #senders = new Map<Kind, RTCRtpSender>()
  #queue: Promise<void> = Promise.resolve()
  #answered = 0
  #early: RTCIceCandidate[] = []
  #ready = false
  #closed = false

  constructor(generation: number, pc: RTCPeerConnection, owner: Owner) {
    this.generation = generation
    this.pc = pc
    this.#owner = owner
    pc.onconnectionstatechange = () => {
      this.since = performance.now()
      owner.changed(this)
    }
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate) return
      if (this.#ready) this.#trickle(candidate)
      else this.#early.push(candidate)
    }
  }

  get connection(): RTCPeerConnectionState {
    return this.#closed ? 'closed' : this.pc.connectionState
  }

  /** Answers an offer of this generation; older negotiations than the last answered one are ignored. */
  take(offer: MediaOffer): Promise<void> {
    this.waiting = true
    this.#queue = this.#queue
      .then(() => this.#negotiate(offer))
      .catch((thrown: unknown) => {
        // What the server or the line refused shows as people without sound, and is made good there.
        if (!this.#closed && !(thrown instanceof AppError)) console.error('negotiation', thrown)
      })
      .then(() => {
        this.waiting = false
      })
    return this.#queue
  }

  /** Puts the present own tracks onto the connection without a negotiation. */
  async refreshOwn(): Promise<void> {
    const own = this.#owner.own()
    for (const [kind, sender] of this.#senders) if (sender.track !== own[kind]) await sender.replaceTrack(own[kind])
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.pc.onconnectionstatechange = null
    this.pc.onicecandidate = null
    this.pc.close()
    this.remote = []
  }

  async #negotiate(offer: MediaOffer): Promise<void> {
    if (this.#closed || offer.negotiation <= this.#answered) return
    const { pc } = this
    await pc.setRemoteDescription({ type: 'offer', sdp: offer.sdp })
    const own = this.#owner.own()
    for (const { mid, kind, direction } of sections(offer.sdp)) {
      if ((kind !== 'audio' && kind !== 'video') || (direction !== 'recvonly' && direction !== 'sendrecv')) continue
      const transceiver = pc.getTransceivers().find((one) => one.mid === mid)
      if (!transceiver || (this.#senders.has(kind) && this.#senders.get(kind) !== transceiver.sender)) continue
      transceiver.direction = direction === 'recvonly' ? 'sendonly' : 'sendrecv'
      this.#senders.set(kind, transceiver.sender)
      if (transceiver.sender.track !== own[kind]) await transceiver.sender.replaceTrack(own[kind])
    }
    await pc.setLocalDescription(await pc.createAnswer())
    if (this.#closed) return
    this.#answered = offer.negotiation
    await this.#owner.send({
      t: 'media.answer',
      generation: this.generation,
      negotiation: offer.negotiation,
      sdp: pc.localDescription?.sdp ?? '',
    })
    // Only now: with an answer that was lost on its way nobody's sound comes, and the missing ones are to be seen.
    this.remote = offer.tracks.flatMap(({ mid, participant_id, kind }) => {
      const transceiver = pc.getTransceivers().find((one) => one.mid === mid)
      return transceiver ? [{ participant: participant_id, kind, track: transceiver.receiver.track }] : []
    })
    this.#ready = true
    for (const candidate of this.#early.splice(0)) this.#trickle(candidate)
    await this.#limit()
    this.#owner.changed(this)
  }

  #trickle(candidate: RTCIceCandidate): void {
    const { generation } = this
    this.#owner
      .send({ t: 'media.candidate', generation, candidate: candidate.candidate || null, mid: candidate.sdpMid })
      .catch(() => {
        // A cut line; a new generation brings new candidates.
      })
  }

  async #limit(): Promise<void> {
    for (const [kind, sender] of this.#senders) {
      const parameters = sender.getParameters()
      const first = parameters.encodings?.[0]
      if (!first || first.maxBitrate === rates[kind]) continue
      first.maxBitrate = rates[kind]
      first.priority = kind === 'audio' ? 'high' : 'low'
      await sender.setParameters(parameters).catch(() => {
        // Some browsers refuse limits before the first packet; the node's own limit holds in any case.
      })
    }
  }
}

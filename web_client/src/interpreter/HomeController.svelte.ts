/** The interpreter's home: presence, the ring, today and offers, kept fresh by the socket. The page draws it. */
import { api } from '../api/client'
import { Resource } from '../api/resource.svelte'
import { AppError, asAppError } from '../lib/errors'
import type { EventFrame } from '../realtime/protocol'
import type { LinkState } from '../realtime/RealtimeClient'
import { own, tab } from '../realtime/tab'
import type { Accepted, AssignmentView, DeclineReason, Home, OfferView, Presence } from './types'

export class HomeController {
  readonly home = new Resource<Home>((signal) => api.get<Home>('/api/interpreter/home', undefined, signal))
  /** The call that rings now. */
  ring = $state.raw<OfferView | undefined>()
  /** Why the last ring ended without us; a code for a sentence, cleared by the next ring. */
  ended = $state.raw<AppError | undefined>()
  /** What is being answered now, by offer: one answer never holds up another, nor does the switch of availability. */
  answering = $state<Readonly<Record<string, 'accept' | 'decline' | undefined>>>({})
  /** The availability that was chosen and is not agreed by the server yet. */
  wish = $state<Presence['wanted'] | undefined>()
  error = $state.raw<AppError | undefined>()
  link = $state<LinkState>(tab.state)
  /** Accepted for now, and the second interpreter is still looked for. */
  waits = $state(false)
  /** The call that both interpreters are found for; the page goes there. */
  found = $state<string | undefined>()
  #answered = new Set<string>()

  follow(): () => void {
    const stops = [
      tab.onState((state) => {
        this.link = state
      }),
      tab.follow(own, { event: (frame) => this.hear(frame), stale: () => void this.load() }),
    ]
    this.link = tab.state
    void this.load()
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** Reads the state anew. What rings is not touched by an answer that did not come, nor while it is being answered. */
  async load(): Promise<void> {
    if (!(await this.#read())) return
    const ring = this.home.data?.ring ?? undefined
    const before = this.ring
    if (before && before.id !== ring?.id && this.answering[before.id] === 'accept') return
    this.#ring(ring && !this.#answered.has(ring.id) ? ring : undefined)
    // It ended while nothing could be heard: said all the same.
    if (before && !ring)
      this.ended = new AppError(Date.parse(before.expires_at) > tab.now() ? 'offer_withdrawn' : 'offer_expired')
  }

  async #read(): Promise<boolean> {
    const fresh = await this.home.load()
    if (fresh) this.#settle()
    return fresh
  }

  hear(frame: Pick<EventFrame, 'name' | 'data'>): void {
    const home = this.home.data
    this.home.heard()
    switch (frame.name) {
      case 'offer.sent': {
        const offer = frame.data as OfferView
        if (offer.kind === 'now') {
          if (!this.#answered.has(offer.id)) this.#ring(offer)
        } else if (home) this.home.set({ ...home, offers: [...home.offers.filter((one) => one.id !== offer.id), offer] })
        return
      }
      case 'offer.ended': {
        const { offer_id, state } = frame.data as { offer_id: string; state: string; reason: string | null }
        if (this.ring?.id === offer_id) {
          this.#ring(undefined)
          if (state !== 'accepted' && !this.#answered.has(offer_id))
            this.ended = new AppError(state === 'withdrawn' ? 'offer_withdrawn' : 'offer_expired')
        }
        if (home) this.home.set({ ...home, offers: home.offers.filter((one) => one.id !== offer_id) })
        return
      }
      case 'presence.changed':
        if (home) this.home.set({ ...home, presence: frame.data as Presence })
        return
      case 'assignment.changed': {
        if (!home) return
        const changed = frame.data as AssignmentView
        const today = home.today.some((one) => one.id === changed.id)
          ? home.today.map((one) => (one.id === changed.id ? changed : one))
          : [...home.today, changed]
        this.home.set({ ...home, today: today.sort((a, b) => a.starts_at.localeCompare(b.starts_at)) })
        void this.#read()
        return
      }
      case 'session.ready':
        void this.#read()
        return
      default:
    }
  }

  /** The last choice counts: one that is made while an earlier one is under way is sent after it. */
  async setPresence(wanted: Presence['wanted']): Promise<void> {
    const waits = this.wish !== undefined
    this.wish = wanted
    if (waits) return
    this.error = undefined
    try {
      for (let sent: Presence['wanted'] | undefined; sent !== this.wish; ) {
        sent = this.wish
        const presence = await api.put<Presence>('/api/interpreter/presence', { wanted: sent })
        if (this.home.data) this.home.set({ ...this.home.data, presence })
      }
    } catch (thrown) {
      this.error = asAppError(thrown)
    } finally {
      this.wish = undefined
    }
  }

  /** Accepts; the answer tells where the call is, or that the second interpreter is still looked for. Undefined when somebody else was quicker or the time was over. */
  async accept(offer: OfferView): Promise<Accepted | undefined> {
    if (this.answering[offer.id]) return undefined
    this.#answers(offer, 'accept')
    this.error = undefined
    try {
      const accepted = await api.post<Accepted>(
        `/api/offers/${encodeURIComponent(offer.id)}/accept`,
        { round: offer.round, no_conflict: true },
        { key: `accept-${offer.id}` },
      )
      this.#answered.add(offer.id)
      if (this.ring?.id === offer.id) this.#ring(undefined)
      if (accepted.session_id === null) {
        this.waits = offer.kind === 'now'
        void this.#read()
      }
      return accepted
    } catch (thrown) {
      const error = asAppError(thrown)
      if (error.status === 409) {
        this.#answered.add(offer.id)
        if (this.ring?.id === offer.id) this.#ring(undefined)
        this.ended = error
        void this.home.load()
      } else this.error = error
      return undefined
    } finally {
      this.#answers(offer, undefined)
    }
  }

  async decline(offer: OfferView, reason: DeclineReason): Promise<void> {
    if (this.answering[offer.id]) return
    this.#answers(offer, 'decline')
    this.error = undefined
    try {
      await api.post(`/api/offers/${encodeURIComponent(offer.id)}/decline`, { round: offer.round, reason })
      this.#gone(offer)
    } catch (thrown) {
      const error = asAppError(thrown)
      if (error.status === 409) this.#gone(offer)
      else this.error = error
    } finally {
      this.#answers(offer, undefined)
    }
  }

  /** The 20 seconds are over here; the server says so too, a moment later. */
  timeOver(offer: OfferView): void {
    if (this.ring?.id !== offer.id || this.answering[offer.id] === 'accept') return
    this.#ring(undefined)
    this.ended = new AppError('offer_expired')
  }

  /** What became of the wait for the second interpreter: still on, both found, or given back. */
  #settle(): void {
    const home = this.home.data
    if (!home) return
    const held = home.held?.kind === 'now'
    if (this.waits && !held) {
      if (home.live_session_id) this.found = home.live_session_id
      else if (!this.ring) this.ended = new AppError('second_not_found')
    }
    this.waits = held
  }

  #answers(offer: OfferView, what: 'accept' | 'decline' | undefined): void {
    this.answering = { ...this.answering, [offer.id]: what }
  }

  #gone(offer: OfferView): void {
    this.#answered.add(offer.id)
    if (this.ring?.id === offer.id) this.#ring(undefined)
    const home = this.home.data
    if (home) this.home.set({ ...home, offers: home.offers.filter((one) => one.id !== offer.id) })
  }

  #ring(offer: OfferView | undefined): void {
    this.ring = offer
    if (offer) this.ended = undefined
  }
}

/**
 * The one socket of this tab. Pages follow topics through it without knowing whether it is the everyday socket of somebody signed in
 * or the socket of a call: entering a call swaps the connection underneath and leaving it swaps back.
 */
import { api } from '../api/client'
import { i18n } from '../i18n/index.svelte'
import type { EventFrame } from './protocol'
import { type Credentials, type LinkState, type Place, RealtimeClient, type RealtimeOptions } from './RealtimeClient'

export type TopicHandlers = {
  event: (frame: EventFrame) => void
  /** What the page shows may be old: read it anew over HTTP. Also called once when the following begins. */
  stale: () => void
}
/** Own news of the person who is signed in: offers, presence, bookings. */
export const own = 'user:'

const ticket = async (): Promise<Credentials> => ({ ticket: (await api.post<{ ticket: string }>('/api/socket-ticket')).ticket })

class Tab {
  #client: RealtimeClient | undefined
  #inCall = false
  #followers = new Map<string, Set<TopicHandlers>>()
  #states = new Set<(state: LinkState) => void>()
  #make: (options: RealtimeOptions) => RealtimeClient = (options) => new RealtimeClient(options)

  get state(): LinkState {
    return this.#client?.state ?? 'idle'
  }

  /** Milliseconds by the server's clock, as well as we know it. */
  now(): number {
    return this.#client?.now() ?? Date.now()
  }

  /** Tells each change of the connection; returns how to stop that. */
  onState(listener: (state: LinkState) => void): () => void {
    this.#states.add(listener)
    return () => this.#states.delete(listener)
  }

  /** Follows a topic (`booking:...`, `board:...`, or `own`) until the returned function is called. */
  follow(topic: string, handlers: TopicHandlers): () => void {
    const group = this.#followers.get(topic) ?? new Set()
    this.#followers.set(topic, group)
    group.add(handlers)
    this.#everyday()
    if (topic !== own) this.#client?.follow(topic)
    return () => {
      group.delete(handlers)
      if (group.size > 0) return
      this.#followers.delete(topic)
      if (topic !== own) this.#client?.unfollow(topic)
      if (this.#followers.size === 0 && !this.#inCall) this.#end()
    }
  }

  /** Takes the tab's socket into a room. `credentials` brings a grant whenever one is needed. */
  enter(
    credentials: () => Promise<Credentials>,
    kept?: { place?: Place | undefined; keepPlace?: (place: Place) => void },
  ): RealtimeClient {
    this.#end()
    this.#inCall = true
    return this.#begin(credentials, kept)
  }

  /** Out of the room: back to the everyday socket if anybody needs it. */
  leave(client: RealtimeClient): void {
    if (this.#client !== client) {
      client.stop()
      return
    }
    this.#inCall = false
    this.#end()
    if (this.#followers.size > 0) this.#everyday()
  }

  #everyday(): void {
    if (this.#client && this.#client.state !== 'ended') return
    const client = this.#begin(ticket)
    // Not within the caller's turn: pages follow from effects, which must not come to depend on what listeners read.
    queueMicrotask(() => {
      if (client === this.#client) client.start()
    })
  }

  #begin(credentials: () => Promise<Credentials>, kept: object = {}): RealtimeClient {
    const client = this.#make({ credentials, locale: () => i18n.locale, ...kept })
    this.#client = client
    client.on('event', (frame) => {
      for (const handlers of this.#of(frame.topic)) handlers.event(frame)
    })
    client.on('snapshot', (topic) => {
      for (const handlers of this.#of(topic)) handlers.stale()
    })
    client.on('state', (state) => {
      for (const listener of this.#states) listener(state)
    })
    for (const topic of this.#followers.keys()) if (topic !== own) client.follow(topic)
    return client
  }

  #of(topic: string): TopicHandlers[] {
    return [...(this.#followers.get(topic.startsWith(own) ? own : topic) ?? [])]
  }

  #end(): void {
    const client = this.#client
    this.#client = undefined
    client?.stop()
  }

  /** The network or the visibility changed: find out at once. */
  listen(): () => void {
    const poke = () => {
      if (document.visibilityState === 'visible') this.#client?.poke()
    }
    const names = ['online', 'focus', 'pageshow'] as const
    for (const name of names) addEventListener(name, poke)
    document.addEventListener('visibilitychange', poke)
    return () => {
      for (const name of names) removeEventListener(name, poke)
      document.removeEventListener('visibilitychange', poke)
    }
  }
}

export const tab = new Tab()
tab.listen()

/**
 * One roster as it changes: read over HTTP, told over the socket when somebody else changes it. What is read late never covers what is newer,
 * and nothing is read while an own change is on its way.
 */
import { api } from '../api/client'
import { Resource } from '../api/resource.svelte'
import type { EventFrame } from '../realtime/protocol'
import { listen, quietMs } from './follow'
import type { RosterView } from './types'

type Told = { roster_id: string; version: number }
type Heard = {
  /** An own change is on its way: wait. */
  busy: () => boolean
  /** Somebody else changed the roster. */
  changed: (before: RosterView, after: RosterView) => void
  /** A shift is offered, taken, agreed to, refused or kept. */
  swap: () => void
  /** Another roster of the country changed. */
  others: () => void
}

export class RosterWatch extends Resource<RosterView> {
  readonly #id: () => string
  readonly #heard: Heard
  /** Versions that were made here: their own news tell nothing new. */
  readonly #own = new Set<number>()
  #soon: ReturnType<typeof setTimeout> | undefined

  constructor(id: () => string, heard: Heard) {
    super((signal) => api.get(`/api/rosters/${id()}`, undefined, signal))
    this.#id = id
    this.#heard = heard
  }

  override set(data: RosterView): void {
    if (this.data?.id === data.id && data.version.number < this.data.version.number) return
    super.set(data)
  }

  /** The answer to an own change. */
  made(data: RosterView): void {
    this.#own.add(data.version.number)
    this.set(data)
  }

  /** Follows the news of a country's rosters until the returned function is called. */
  listen(country: string): () => void {
    const stop = listen(
      [`board:${country}`],
      (frame) => this.#hear(frame),
      () => this.#later(),
    )
    return () => {
      clearTimeout(this.#soon)
      stop()
    }
  }

  /** Reads anew and tells what others changed. */
  async catchUp(): Promise<void> {
    const before = this.data
    // A reading under way is let end: news that come faster than answers would call off one after the other.
    if (this.#heard.busy() || this.busy) {
      this.#later()
      return
    }
    await this.load()
    const after = this.data
    const told = before && after && before !== after && before.id === after.id
    if (told && !this.#own.has(after.version.number)) this.#heard.changed(before, after)
  }

  #hear(frame: EventFrame): void {
    if (frame.name === 'swap.changed') this.#heard.swap()
    else if (frame.name === 'calendar.changed') this.#later()
    else if (frame.name === 'roster.changed') {
      const told = frame.data as Told
      if (told.roster_id === this.#id()) this.#later(told.version)
      else this.#heard.others()
    }
  }

  #later(version?: number): void {
    clearTimeout(this.#soon)
    this.#soon = setTimeout(() => {
      // An own change told once more is here already.
      const known = version !== undefined && this.#own.delete(version) && this.data?.version.number === version
      if (!known) void this.catchUp()
    }, quietMs)
  }
}

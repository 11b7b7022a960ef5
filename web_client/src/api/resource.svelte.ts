/** A piece of server state with the four states that each page shows: loading, ready, failed, and stale without a line. */
import { untrack } from 'svelte'
import { AppError, asAppError } from '../lib/errors'
import { net } from './net.svelte'

/** News that come faster than answers do not hold the page up. */
const mostAsked = 3

export class Resource<T> {
  data = $state.raw<T | undefined>()
  error = $state.raw<AppError | undefined>()
  busy = $state(false)
  /** When `data` was read from the server. */
  at = $state<Date | undefined>()
  #fetch: (signal: AbortSignal) => Promise<T>
  #running: AbortController | undefined
  #told = 0
  #reading: Promise<boolean> | undefined

  constructor(fetch: (signal: AbortSignal) => Promise<T>) {
    this.#fetch = fetch
  }

  /** Nothing to show yet and a request is under way. */
  get loading(): boolean {
    return this.data === undefined && this.error === undefined
  }

  /**
   * Reads anew; a newer call replaces an older one. What was shown stays while it runs and when it fails. Resolves to whether this very
   * call brought the state.
   */
  load(): Promise<boolean> {
    this.#reading = this.#read()
    return this.#reading
  }

  /**
   * What a press waits for: the data, as soon as it is here. Joins the reading that is under way, else reads; throws `AppError` when that
   * fails.
   */
  async need(): Promise<T> {
    if (this.data === undefined && !this.busy) void this.load()
    for (let waited: unknown; this.data === undefined && waited !== this.#reading; ) {
      waited = this.#reading
      await this.#reading
    }
    if (this.data === undefined) throw this.error ?? new AppError('offline')
    return this.data
  }

  async #read(): Promise<boolean> {
    this.#running?.abort()
    const mine = new AbortController()
    this.#running = mine
    this.busy = true
    try {
      for (let asked = 1; ; asked++) {
        const told = this.#told
        const data = await this.#fetch(mine.signal)
        if (mine.signal.aborted) return false
        // What was told while the answer was on its way may be newer than it: asked once more, rather than going back.
        if (told !== this.#told && asked < mostAsked) continue
        this.set(data)
        return true
      }
    } catch (thrown) {
      if (!mine.signal.aborted) this.error = asAppError(thrown)
      return false
    } finally {
      if (this.#running === mine) this.busy = false
    }
  }

  /** Something new was heard: an answer that is on its way may be older. */
  heard(): void {
    this.#told += 1
  }

  /** Takes a newer state that came another way (an answer to a change, a socket event). */
  set(data: T): void {
    this.heard()
    this.data = data
    this.error = undefined
    this.at = new Date()
  }

  /** For `$effect`: loads now, loads again when the line is back, stops at the end. */
  follow(): () => void {
    untrack(() => void this.load())
    const stop = net.onBack(() => void this.load())
    return () => {
      stop()
      this.#running?.abort()
    }
  }
}

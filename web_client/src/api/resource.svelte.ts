/** A piece of server state with the four states that each page shows: loading, ready, failed, and stale without a line. */
import { untrack } from 'svelte'
import { type AppError, asAppError } from '../lib/errors'
import { net } from './net.svelte'

export class Resource<T> {
  data = $state.raw<T | undefined>()
  error = $state.raw<AppError | undefined>()
  busy = $state(false)
  /** When `data` was read from the server. */
  at = $state<Date | undefined>()
  #fetch: (signal: AbortSignal) => Promise<T>
  #running: AbortController | undefined

  constructor(fetch: (signal: AbortSignal) => Promise<T>) {
    this.#fetch = fetch
  }

  /** Nothing to show yet and a request is under way. */
  get loading(): boolean {
    return this.data === undefined && this.error === undefined
  }

  /** Reads anew; a newer call replaces an older one. What was shown stays while it runs and when it fails. */
  async load(): Promise<void> {
    this.#running?.abort()
    const mine = new AbortController()
    this.#running = mine
    this.busy = true
    try {
      const data = await this.#fetch(mine.signal)
      if (mine.signal.aborted) return
      this.set(data)
    } catch (thrown) {
      if (!mine.signal.aborted) this.error = asAppError(thrown)
    } finally {
      if (this.#running === mine) this.busy = false
    }
  }

  /** Takes a newer state that came another way (an answer to a change, a socket event). */
  set(data: T): void {
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

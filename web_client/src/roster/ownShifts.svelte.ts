/**
 * An interpreter's own shifts as they change: read over HTTP, told over the socket when a roster is published or a shift changes hands.
 * Nothing is read while an own change is on its way, and what others changed is told once.
 */
import { api } from '../api/client'
import { Resource } from '../api/resource.svelte'
import { listen, quietMs } from './follow'
import type { OwnShifts } from './types'

/** Interpreters are regional: a roster of either country may have them. */
const topics = ['shifts:RS', 'shifts:MK']
type Heard = {
  /** An own change is on its way: wait. */
  busy: () => boolean
  /** Shifts of the days that are shown came, went or moved. */
  changed: () => void
}

export class OwnShiftsWatch extends Resource<OwnShifts> {
  readonly #heard: Heard
  readonly #days: () => { from: string; to: string }
  #shown = ''
  #soon: ReturnType<typeof setTimeout> | undefined

  constructor(days: () => { from: string; to: string }, heard: Heard) {
    super((signal) => {
      const { from, to } = days()
      return api.get('/api/interpreter/shifts', { from, to }, signal)
    })
    this.#days = days
    this.#heard = heard
  }

  /** Follows the news until the returned function is called. */
  listen(): () => void {
    const stop = listen(
      topics,
      () => this.later(),
      () => this.later(),
    )
    return () => {
      clearTimeout(this.#soon)
      stop()
    }
  }

  /** Something may have changed: read once it is quiet. */
  later(): void {
    clearTimeout(this.#soon)
    this.#soon = setTimeout(() => void this.catchUp(), quietMs)
  }

  /** Reads anew and says so if other shifts are shown now. */
  async catchUp(): Promise<void> {
    if (this.#heard.busy() || this.busy) {
      this.later()
      return
    }
    const before = this.#shown
    await this.load()
    if (this.data && before !== '' && before.startsWith(this.#days().from) && this.#shown !== before) this.#heard.changed()
  }

  override set(data: OwnShifts): void {
    super.set(data)
    const times = data.shifts.map((one) => `${one.day} ${one.starts_at} ${one.ends_at} ${one.line}`).sort()
    this.#shown = `${this.#days().from}\n${times.join('\n')}`
  }
}

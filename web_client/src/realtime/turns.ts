/** Who spoke when, from the server's `speaking` events: the three lanes of the last two minutes and the length of a turn. */
import type { Part } from '../api/types'

export type Turn = { id: string; part: Part; from: number; to: number | null }
export type Bar = { start: number; length: number; running: boolean }

/** Pauses shorter than this belong to the same turn, in milliseconds. */
const breath = 1200

export class Turns {
  #turns: Turn[] = []
  readonly window: number

  constructor(windowMs = 120_000) {
    this.window = windowMs
  }

  /** `at` in milliseconds by the server's clock. */
  note(id: string, part: Part, on: boolean, at: number): void {
    const last = this.#turns.findLast((one) => one.id === id)
    if (on) {
      if (last && last.to === null) return
      if (last && last.to !== null && at - last.to < breath) last.to = null
      else this.#turns.push({ id, part, from: at, to: null })
    } else if (last && last.to === null) last.to = at
    this.#turns = this.#turns.filter((one) => one.to === null || one.to > at - this.window * 2)
  }

  /** The line broke or the room was read anew: nobody is known to speak. */
  stop(at: number): void {
    for (const turn of this.#turns) turn.to ??= at
  }

  /** Bars of one part inside the window that ends `now`, as shares of it (0..1). */
  lane(part: Part, now: number): Bar[] {
    const begin = now - this.window
    return this.#turns
      .filter((one) => one.part === part && (one.to ?? now) > begin)
      .map((one) => {
        const from = Math.max(one.from, begin)
        const to = Math.min(one.to ?? now, now)
        return { start: (from - begin) / this.window, length: Math.max(0, to - from) / this.window, running: one.to === null }
      })
      .filter((bar) => bar.length > 0)
  }

  /** The longest running turn: who and for how many seconds. */
  current(now: number): { id: string; part: Part; seconds: number } | undefined {
    const running = this.#turns.filter((one) => one.to === null).sort((a, b) => a.from - b.from)[0]
    return running && { id: running.id, part: running.part, seconds: Math.max(0, Math.floor((now - running.from) / 1000)) }
  }
}

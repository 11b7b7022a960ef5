/** How long to wait before the next try of a line: at once, then longer up to five seconds, and never an end. No timers in here. */

/** Pauses between tries, in milliseconds; the last one stays. */
const pauses = [0, 300, 1000, 2000, 5000]
/** A line that lived this long starts anew. */
const settled = 5000

export class Backoff {
  #tries = 0
  #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** Milliseconds until the next try, after a line that lived for `lived` milliseconds (0: it never stood). Spread by a fifth. */
  next(lived: number): number {
    if (lived >= settled) this.#tries = 0
    const base = pauses[Math.min(this.#tries, pauses.length - 1)] ?? 5000
    this.#tries += 1
    return base * (0.8 + 0.4 * this.#random())
  }

  /** The server asks for patience: the longest pause from now on. */
  longest(): void {
    this.#tries = pauses.length
  }
}

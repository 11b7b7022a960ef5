/** Sound first: decides when pictures are given up on a weak line and when they come back. Pure, with hysteresis. */
import type { LineGrade } from './quality'

export type PictureHold = 'none' | 'own' | 'all'

/** Time a line must be weak before the own camera goes, then before all pictures go; and good before they come back (ms). */
export const patience = { own: 6000, all: 14_000, back: 20_000 }

export class PictureRule {
  hold: PictureHold = 'none'
  #weakSince: number | undefined
  #fineSince: number | undefined

  /** Feed each grade with its time; returns what is held back from now on. */
  take(grade: LineGrade, at: number): PictureHold {
    if (grade === 'lost') {
      // Nothing flows at all: giving up pictures helps nobody, and they are there at once when the line is back.
      this.#weakSince = undefined
      this.#fineSince = undefined
    } else if (grade === 'weak') {
      this.#fineSince = undefined
      this.#weakSince ??= at
      const weak = at - this.#weakSince
      if (weak >= patience.all) this.hold = 'all'
      else if (weak >= patience.own && this.hold === 'none') this.hold = 'own'
    } else {
      this.#weakSince = undefined
      this.#fineSince ??= at
      if (this.hold !== 'none' && at - this.#fineSince >= patience.back) {
        this.hold = this.hold === 'all' ? 'own' : 'none'
        this.#fineSince = at
      }
    }
    return this.hold
  }
}

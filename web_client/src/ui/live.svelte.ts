/** What is read aloud without moving the focus: one polite and one assertive region for the whole page (see `LiveRegions`). */

class Live {
  polite = $state('')
  assertive = $state('')

  /** Says `text`; the same sentence twice in a row is said twice. */
  say(text: string, how: 'polite' | 'assertive' = 'polite'): void {
    this[how] = this[how] === text ? `${text}\u00a0` : text
  }
}

export const live = new Live()

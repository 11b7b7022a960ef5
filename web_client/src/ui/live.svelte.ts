/** What is read aloud without moving the focus: one polite and one assertive region for the whole page (see `LiveRegions`). */
import { untrack } from 'svelte'

class Live {
  polite = $state('')
  assertive = $state('')

  /** Says `text`; the same sentence twice in a row is said twice. An effect that speaks does not depend on what was said last. */
  say(text: string, how: 'polite' | 'assertive' = 'polite'): void {
    this[how] = untrack(() => this[how]) === text ? `${text}\u00a0` : text
  }
}

export const live = new Live()

/** The terms of a case with their history, as the desk reads them. */
import type { Term } from './terms.svelte'

export type TermMove = {
  seq: number
  at: string
  move: 'propose' | 'agree' | 'withdraw' | 'wipe'
  part: string
  code: string | null
  session_id: string
}
export type CaseTerm = Term & { moves: TermMove[] }

/** Terms by language pair, agreed ones first, then what is open, then what is no longer used. */
export function byPair(
  items: readonly CaseTerm[],
): { pair: string; language: string; officer_language: string; items: CaseTerm[] }[] {
  const order = ['agreed', 'proposed', 'withdrawn', 'wiped']
  const pairs = new Map<string, CaseTerm[]>()
  for (const one of items) {
    const pair = `${one.officer_language}.${one.language}`
    pairs.set(pair, [...(pairs.get(pair) ?? []), one])
  }
  return [...pairs].map(([pair, found]) => {
    const [officer_language = '', language = ''] = pair.split('.')
    return { pair, language, officer_language, items: found.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)) }
  })
}

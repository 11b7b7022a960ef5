/** One's own turns in words: why one was rung or not. Pure. */
export type Turn = {
  at: string
  rung: string
  language: string
  country: string
  place: number
  of: number
  width: number
  chosen: boolean
  because: string
  idle_min: number | null
  share_permille: number
  answer: string | null
}
export type Turns = {
  minutes: number
  credit: number
  target: number
  share_permille: number
  rung_week: number
  accepted_week: number
  declined_week: number
  turns: Turn[]
}

/** Key of the sentence for what decided; unknown words of a newer server say nothing. */
export function reasonKey(turn: Pick<Turn, 'chosen' | 'because'>): string {
  return `ring.${turn.chosen ? 'yes' : 'no'}.${turn.because}`
}

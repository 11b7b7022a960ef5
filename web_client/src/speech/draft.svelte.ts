/** The draft transcript of one session as officer and interpreter see it: read in pieces, forgotten at once when the server says so. */
import { tagOf } from '../aids/digits'
import { api } from '../api/client'
import type { AppError } from '../lib/errors'
import { asAppError } from '../lib/errors'

export type DraftLine = {
  id: string
  row: number
  part: string
  code: string | null
  rendition: boolean
  language: string
  dir: 'ltr' | 'rtl' | 'auto'
  from_at: string
  to_at: string
  text: string | null
  corrected: string | null
  corrected_part: string | null
  missing: string | null
  shared: boolean
  changed: number
}
export type PersonAnswer = {
  /** The id of their place, or the part of somebody beside the officer. */
  whom: string
  part: string
  code: string | null
  here: boolean
  answer: string
  /** How they can answer. */
  by: 'screen' | 'key' | 'word'
  beside: boolean
  how: string | null
  noted_part: string | null
  noted_code: string | null
  at: string | null
}
/** Parts that may sit beside the officer without a device. */
export const guests = ['applicant', 'guardian', 'lawyer'] as const
export type Guest = (typeof guests)[number]
export type Draft = {
  state: string
  flow: string
  reason: string | null
  barred: string | null
  keep: boolean
  version: number
  reset: boolean
  people: PersonAnswer[]
  lines: DraftLine[]
  silent_languages: Record<string, string>
}
export type Row = { row: number; said: DraftLine[]; rendered: DraftLine[] }

const short: Readonly<Record<string, string>> = {
  srp: 'sr',
  mkd: 'mk',
  sqi: 'sq',
  eng: 'en',
  bos: 'bs',
  hrv: 'hr',
  tur: 'tr',
  fra: 'fr',
  som: 'so',
  amh: 'am',
  rus: 'ru',
  hin: 'hi',
  ben: 'bn',
  pan: 'pa',
  nep: 'ne',
  tam: 'ta',
  tgk: 'tg',
  lin: 'ln',
}
/** The tag of a line's language: BCP 47 wants the two-letter code where there is one. */
export const langOf = (language: string): string => short[language] ?? tagOf(language)

/** What was known, with what came: changed lines replace theirs, and after a wipe only what came is left. */
export function merged(known: readonly DraftLine[], came: Draft): DraftLine[] {
  const all = new Map((came.reset ? [] : known).map((one) => [one.id, one]))
  for (const one of came.lines) all.set(one.id, one)
  return [...all.values()].sort((a, b) => a.from_at.localeCompare(b.from_at) || a.id.localeCompare(b.id))
}

/** Lines in rows: what was said beside how it was rendered. */
export function rows(lines: readonly DraftLine[]): Row[] {
  const found = new Map<number, Row>()
  for (const one of lines) {
    const row = found.get(one.row) ?? { row: one.row, said: [], rendered: [] }
    ;(one.rendition ? row.rendered : row.said).push(one)
    found.set(one.row, row)
  }
  return [...found.values()].sort((a, b) => a.row - b.row)
}

export class DraftView {
  now = $state.raw<Draft | undefined>()
  lines = $state.raw<DraftLine[]>([])
  error = $state.raw<AppError | undefined>()
  #path: string
  #busy = false
  #again = false

  constructor(sessionId: string) {
    this.#path = `/api/sessions/${sessionId}/draft`
  }

  /** Reads what changed. Calls that come while one runs lead to one more. */
  async load(): Promise<void> {
    if (this.#busy) {
      this.#again = true
      return
    }
    this.#busy = true
    try {
      do {
        this.#again = false
        const came = await api.get<Draft>(this.#path, { since: this.now?.version ?? 0 })
        this.lines = merged(this.lines, came)
        this.now = came
        this.error = undefined
      } while (this.#again)
    } catch (thrown) {
      this.error = asAppError(thrown)
    } finally {
      this.#busy = false
    }
  }

  ask = (near: readonly Guest[] = []) => this.#do('ask', { near })
  beside = (part: Guest) => this.#do('beside', { part })
  note = (whom: string, agrees: boolean) => this.#do('note', { whom, agrees })
  stop = () => this.#do('stop')
  keep = (keep: boolean) => this.#do('keep', { keep })

  async correct(line: DraftLine, text: string): Promise<void> {
    await api.put(`${this.#path}/lines/${line.id}`, { text, changed: line.changed })
    await this.load()
  }

  async #do(what: string, body?: unknown): Promise<void> {
    await api.post(`${this.#path}/${what}`, body)
    await this.load()
  }
}

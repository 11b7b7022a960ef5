/** The agreed terms of the case in a call: read over HTTP, read again whenever the room says that there is a later change. */
import { api } from '../api/client'
import { type AppError, asAppError } from '../lib/errors'

export type Term = {
  id: string
  language: string
  officer_language: string
  officer_term: string
  person_term: string
  note: string
  state: 'proposed' | 'agreed' | 'withdrawn' | 'wiped'
  proposed_part: 'officer' | 'interpreter'
  state_since: string
}
export type SessionTerms = {
  n: number
  language: string
  officer_language: string
  part: 'officer' | 'interpreter'
  terms: Term[]
}
export type BaseEntry = { key: string; officer_term: string; person_term: string; status: 'draft' | 'reviewed' }
export type NewTerm = { officer_term: string; person_term: string; note?: string; no_name?: boolean }

/** What waits for `part` to agree. */
export const waiting = (found: SessionTerms | undefined): number =>
  found?.terms.filter((one) => one.state === 'proposed' && one.proposed_part !== found.part).length ?? 0

/** Terms of the pair that is spoken now, and those of other pairs, which are for reading only. */
export function split(found: SessionTerms): { here: Term[]; elsewhere: Term[] } {
  const here = (one: Term) => one.language === found.language && one.officer_language === found.officer_language
  return { here: found.terms.filter(here), elsewhere: found.terms.filter((one) => !here(one)) }
}

export class Terms {
  found = $state.raw<SessionTerms | undefined>()
  /** Unknown until they were asked for. */
  base = $state.raw<BaseEntry[] | undefined>()
  error = $state.raw<AppError | undefined>()
  busy = $state(false)
  #path: string
  #baseOf = ''
  #reading = false
  #wanted = 0

  constructor(sessionId: string) {
    this.#path = `/api/sessions/${encodeURIComponent(sessionId)}/terms`
  }

  /** Reads the list if it is older than the change `n`; a failed reading is tried again by the next call. */
  async need(n: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, n)
    if (this.#reading || (this.found && this.found.n >= this.#wanted)) return
    this.#reading = true
    try {
      this.#take(await api.get<SessionTerms>(this.#path))
      this.error = undefined
    } catch (thrown) {
      this.error = asAppError(thrown)
    } finally {
      this.#reading = false
    }
    if (!this.error && this.found && this.found.n < this.#wanted) await this.need(this.#wanted)
  }

  /** Throws what the server refuses, so that the form can say it. */
  async propose(term: NewTerm): Promise<void> {
    await this.#do(() => api.post<SessionTerms>(this.#path, term))
  }

  async move(id: string, move: 'agree' | 'withdraw' | 'wipe'): Promise<void> {
    await this.#do(() => api.post<SessionTerms>(`${this.#path}/${encodeURIComponent(id)}/${move}`))
  }

  /** Words of the procedure to begin with, once a pair. */
  async suggest(): Promise<void> {
    const pair = this.found && `${this.found.language}.${this.found.officer_language}`
    if (!this.found || pair === this.#baseOf) return
    const { language, officer_language } = this.found
    const { items } = await api.get<{ items: BaseEntry[] }>('/api/glossary', { language, officer_language })
    this.base = items
    this.#baseOf = pair ?? ''
  }

  async #do(send: () => Promise<SessionTerms>): Promise<void> {
    this.busy = true
    try {
      this.#take(await send())
    } finally {
      this.busy = false
    }
  }

  #take(found: SessionTerms): void {
    if (!this.found || found.n >= this.found.n) this.found = found
  }
}

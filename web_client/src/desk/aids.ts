/**
 * Tells the case that a phrase was used, at once or when the line is back. What waits is codes and times, no words of anybody; it waits for
 * the person who used it, and nobody else's sign-in sees or sends it.
 */
import { api } from '../api/client'
import { owner } from '../auth/owner'
import { session } from '../auth/session.svelte'
import { AppError } from '../lib/errors'
import { newKey } from '../lib/ids'

type Use = {
  /** Who used it; without a line, who signed in here last. */
  by: string
  case_id: string
  key: string
  body: { kind: 'phrase'; ref: string; language: string; step_id?: string; used_at: string }
}
const place = 'tarjuman.aids'
const most = 100
const oldest = 23 * 3600_000

function waiting(): Use[] {
  try {
    return JSON.parse(localStorage.getItem(place) ?? '[]') as Use[]
  } catch {
    return []
  }
}
function keep(uses: Use[]): void {
  try {
    localStorage.setItem(place, JSON.stringify(uses.slice(-most)))
  } catch {
    // Without storage a use that could not be told is lost; the phrase itself still helps.
  }
}

/** Who works here now, as well as this browser knows it. */
const who = (): string | undefined => session.me?.code ?? owner.code

/** Whether anything waits to be told. */
export const pending = (): boolean => waiting().length > 0

/** Lets go of everything that waits: its person has left this browser. */
export function drop(): void {
  try {
    localStorage.removeItem(place)
  } catch {
    // Nothing was kept.
  }
}

let telling: Promise<boolean> | undefined

/** Sends what waits; true when nothing is left. One sending at a time; the server knows each use by its key. */
export function tell(): Promise<boolean> {
  telling ??= (async () => {
    for (;;) {
      const fresh = waiting().filter((one) => one.by === who() && Date.now() - Date.parse(one.body.used_at) < oldest)
      keep(fresh)
      const next = fresh[0]
      if (!next) return true
      try {
        await api.post(`/api/cases/${next.case_id}/aids`, next.body, { key: next.key, once: true })
      } catch (thrown) {
        const refused = thrown instanceof AppError && [400, 404, 409, 422].includes(thrown.status)
        if (!refused) return false
      }
      keep(waiting().filter((one) => one.key !== next.key))
    }
  })().finally(() => {
    telling = undefined
  })
  return telling
}

/** Notes one use; false while it waits for a line. Where nobody has signed in there is no case to tell. */
export async function used(caseId: string, ref: string, language: string, stepId: string | undefined): Promise<boolean> {
  const by = who()
  if (!by) return true
  const body = {
    kind: 'phrase' as const,
    ref,
    language,
    ...(stepId ? { step_id: stepId } : {}),
    used_at: new Date().toISOString(),
  }
  keep([...waiting(), { by, case_id: caseId, key: newKey(), body }])
  return tell()
}

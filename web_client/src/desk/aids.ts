/** Tells the case that a phrase was used, at once or when the line is back. What waits is codes and times, no words of anybody. */
import { api } from '../api/client'
import { AppError } from '../lib/errors'
import { newKey } from '../lib/ids'

type Use = {
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

/** Whether anything waits to be told. */
export const pending = (): boolean => waiting().length > 0

let telling: Promise<boolean> | undefined

/** Sends what waits; true when nothing is left. One sending at a time; the server knows each use by its key. */
export function tell(): Promise<boolean> {
  telling ??= (async () => {
    for (;;) {
      const fresh = waiting().filter((one) => Date.now() - Date.parse(one.body.used_at) < oldest)
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

/** Notes one use; false while it waits for a line. */
export function used(caseId: string, ref: string, language: string, stepId: string | undefined): Promise<boolean> {
  const body = {
    kind: 'phrase' as const,
    ref,
    language,
    ...(stepId ? { step_id: stepId } : {}),
    used_at: new Date().toISOString(),
  }
  keep([...waiting(), { case_id: caseId, key: newKey(), body }])
  return tell()
}

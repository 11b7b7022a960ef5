/** How somebody gets into a room: staff by their session, a guest by the link that works once. */
import { api } from '../api/client'
import type { Country, Mode, Part } from '../api/types'
import { newKey } from '../lib/ids'
import type { Place } from '../realtime/RealtimeClient'

export type IceServer = { urls: string[]; username?: string; credential?: string }
export type Join = {
  grant: string
  session_id: string
  room: string
  participant: { id: string; part: Part; code: string | null }
  ice_servers: IceServer[]
  mode: Mode
  step_code: string
  language: string
  officer_language: string
  case_ref: string | null
  /** For the person: a secret that works once, to say after the talk how it went. */
  rating?: string | null
  country?: Country
}

/** A way into a room. `first` is asked once; `again` whenever the place was lost for good. */
export type Entry = {
  first: () => Promise<Join>
  again: () => Promise<Join>
  place?: Place | undefined
  keepPlace?: (place: Place) => void
  /** Somebody left on purpose: the place was given up with it, and coming back needs a new link. */
  forget?: () => void
}

export const staffEntry = (sessionId: string): Entry => {
  const join = () => api.post<Join>(`/api/sessions/${encodeURIComponent(sessionId)}/join`)
  return { first: join, again: join }
}

export const checkEntry = (): Entry => {
  const join = () => api.post<Join>('/api/precheck')
  return { first: join, again: join }
}

const kept = 'tarjuman.guest'
type Kept = { token: string; join: Join; place?: Place }

function read(): Kept | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(kept) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}
function write(value: Kept): void {
  try {
    sessionStorage.setItem(kept, JSON.stringify(value))
  } catch {
    // Without storage a page that is loaded again needs a new link.
  }
}

const pressed = 'tarjuman.press'
let unkept: string | undefined
/**
 * The key of a guest's press, the same in this browser until it has led into a room: an answer that is lost on its way, and a page that
 * is loaded or opened again, use up no link. Random; it says nothing of anybody, and opens nothing without the link.
 */
function pressKey(): string {
  unkept ??= newKey()
  try {
    const key = localStorage.getItem(pressed) ?? unkept
    localStorage.setItem(pressed, key)
    return key
  } catch {
    return unkept // without storage it holds for this page
  }
}
function entered(): void {
  unkept = undefined
  try {
    localStorage.removeItem(pressed)
  } catch {
    // Nothing was kept.
  }
}

/** A guest's link works once; the place it gave is kept in this tab, so that the page may be loaded again. */
export function guestEntry(token: string): Entry {
  const known = read()?.token === token ? read() : undefined
  const join = async () => {
    const answer = await api.post<Join>('/api/guest/join', { token }, { key: pressKey() })
    write({ token, join: answer })
    return answer
  }
  return {
    first: () => (known?.place ? Promise.resolve(known.join) : join()),
    again: join,
    place: known?.place,
    keepPlace: (place) => {
      entered()
      const now = read()
      if (now) write({ ...now, place })
    },
    forget: () => sessionStorage.removeItem(kept),
  }
}

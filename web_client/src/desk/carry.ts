/** A finding that was made without a case, on its way into a new one. It lives in this tab only, is taken once, and by who made it. */
import { session } from '../auth/session.svelte'
import type { Finding } from './choice'

const place = 'tarjuman.finding'

export function carry(found: Finding): void {
  try {
    sessionStorage.setItem(place, JSON.stringify({ by: session.me?.code, found }))
  } catch {
    // Without storage the officer enters the language again.
  }
}

export function carried(): Finding | undefined {
  try {
    const text = sessionStorage.getItem(place)
    sessionStorage.removeItem(place)
    const kept = text ? (JSON.parse(text) as { by?: string; found: Finding }) : undefined
    return kept && kept.by === session.me?.code ? kept.found : undefined
  } catch {
    return undefined
  }
}

/** Lets go of it: its person has left this browser. */
export function drop(): void {
  try {
    sessionStorage.removeItem(place)
  } catch {
    // Nothing was kept.
  }
}

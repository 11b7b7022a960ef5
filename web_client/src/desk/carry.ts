/** A finding that was made without a case, on its way into a new one. It lives in this tab only and is taken once. */
import type { Finding } from './choice'

const place = 'tarjuman.finding'

export function carry(found: Finding): void {
  try {
    sessionStorage.setItem(place, JSON.stringify(found))
  } catch {
    // Without storage the officer enters the language again.
  }
}

export function carried(): Finding | undefined {
  try {
    const text = sessionStorage.getItem(place)
    sessionStorage.removeItem(place)
    return text ? (JSON.parse(text) as Finding) : undefined
  } catch {
    return undefined
  }
}

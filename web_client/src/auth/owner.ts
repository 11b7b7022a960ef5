/** Whose work lies in this browser: the code of who signed in last and did not sign out. Known without a line too. */

const place = 'tarjuman.owner'

export const owner = {
  place,
  get code(): string | undefined {
    try {
      return localStorage.getItem(place) ?? undefined
    } catch {
      return undefined
    }
  },
  set(code: string): void {
    try {
      if (owner.code !== code) localStorage.setItem(place, code)
    } catch {
      // Without storage nothing is left here either.
    }
  },
  clear(): void {
    try {
      localStorage.removeItem(place)
    } catch {
      // As above.
    }
  },
}

/** Days as people choose them, and the instants that the server wants. */
const two = (n: number): string => String(n).padStart(2, '0')
const day = (d: Date): string => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`
const parts = (value: string) => value.split('-').map(Number) as [number, number, number]

export const today = (): string => day(new Date())

export function yearsOn(n: number): string {
  const d = new Date()
  return day(new Date(d.getFullYear() + n, d.getMonth(), d.getDate()))
}

/** The first instant of a day here. */
export function startOf(value: string): string {
  const [y, m, d] = parts(value)
  return new Date(y, m - 1, d).toISOString()
}

/** What holds until a day still holds on it. */
export function endOf(value: string): string {
  const [y, m, d] = parts(value)
  return new Date(y, m - 1, d + 1).toISOString()
}

/** A month (`2026-11`) from its first instant to the next one's, here. */
export function monthRange(month: string): { from: string; to: string } {
  const [y, m] = month.split('-').map(Number) as [number, number]
  return { from: new Date(y, m - 1, 1).toISOString(), to: new Date(y, m, 1).toISOString() }
}

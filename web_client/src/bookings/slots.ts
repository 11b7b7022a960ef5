/** Days and times that can be booked, as lists. Pure; instants are made by `i18n/zoned`. */

/** `2026-11-23`, local. */
export const dayKey = (d: Date): string =>
  [d.getFullYear(), d.getMonth() + 1, d.getDate()].map((n) => String(n).padStart(2, '0')).join('-')

/** `count` days from `from` on; noon, so that a clock change cannot skip one. */
export const days = (from: Date, count: number): Date[] =>
  Array.from({ length: count }, (_, i) => new Date(from.getFullYear(), from.getMonth(), from.getDate() + i, 12))

/** Every quarter of an hour, the working day first in view because lists open at the chosen one. */
export const quarters: readonly string[] = Array.from(
  { length: 96 },
  (_, i) => `${String(Math.floor(i / 4)).padStart(2, '0')}:${String((i % 4) * 15).padStart(2, '0')}`,
)

/** The next full quarter of an hour after `d`. */
export function nextQuarter(d: Date): Date {
  const quarter = 15 * 60_000
  return new Date(Math.ceil(d.getTime() / quarter) * quarter)
}

/** Calendar days as the server writes them (`2026-11-23`), months (`2026-11`) and times of a day; pure. Weeks begin on Monday. */
import type { Piece, Rule } from './types'

const two = (n: number): string => String(n).padStart(2, '0')

/** Noon of the day on this machine: only for showing its names, never for computing instants. */
export const asDate = (day: string): Date => {
  const [y, m, d] = day.split('-').map(Number)
  return new Date(y ?? 2000, (m ?? 1) - 1, d ?? 1, 12)
}

export const dayOf = (year: number, month: number, day: number): string => `${year}-${two(month)}-${two(day)}`

/** `by` days later. */
export function shiftDay(day: string, by: number): string {
  const [y, m, d] = day.split('-').map(Number)
  return new Date(Date.UTC(y ?? 2000, (m ?? 1) - 1, (d ?? 1) + by)).toISOString().slice(0, 10)
}

/** `by` months later. */
export function shiftMonth(month: string, by: number): string {
  const [y, m] = month.split('-').map(Number)
  return new Date(Date.UTC(y ?? 2000, (m ?? 1) - 1 + by, 1)).toISOString().slice(0, 7)
}

export const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate()

/** Rows of seven. */
export const weeksOf = <T>(days: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(days.length / 7) }, (_, n) => days.slice(n * 7, n * 7 + 7))

/** Half-hours of a day; an end may be midnight (`24:00`). Times that are already set and lie between are added. */
export function clockChoices(end: boolean, also?: string): string[] {
  const all = Array.from({ length: 49 }, (_, n) => `${two(Math.floor(n / 2))}:${n % 2 ? '30' : '00'}`)
  const found = end ? all.slice(1) : all.slice(0, 48)
  return also && !found.includes(also) ? [...found, also].sort() : found
}

/** `24:00` is the next day's `00:00` for the server. */
export const toServer = (time: string): string => (time === '24:00' ? '00:00' : time)
export const endShown = (time: string): string => (time === '00:00' ? '24:00' : time)

export const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

/** Whether a span ends on the following day. */
export const overMidnight = (from: string, to: string): boolean => minuteOf(endShown(to)) <= minuteOf(from)

/** A span of the week while it is edited. */
export type Draft = { kind: 'desk' | 'on_call'; weekday: number; from: string; to: string; report: number; means: string[] }

export const draftOf = (rule: Rule): Draft => ({
  kind: rule.kind,
  weekday: rule.weekday,
  from: rule.from_time,
  to: endShown(rule.to_time),
  report: rule.report_in_min ?? 60,
  means: rule.reachable_by.length > 0 ? [...rule.reachable_by] : ['app', 'sms'],
})

/** The first weekday on which two spans of the same kind overlap; the week is a ring. */
export function overlapIn(drafts: readonly Draft[]): number | undefined {
  const taken = new Set<string>()
  for (const one of drafts) {
    const start = one.weekday * 1440 + minuteOf(one.from)
    const length = (minuteOf(one.to) - minuteOf(one.from) + 1440) % 1440 || 1440
    for (let at = start; at < start + length; at += 1) {
      const key = `${one.kind}:${at % 10080}`
      if (taken.has(key)) return one.weekday
      taken.add(key)
    }
  }
  return undefined
}

/** Hours with at most one decimal. */
export const hoursOf = (minutes: number): number => Math.round(minutes / 6) / 10

/** What a cell of the month has room for: bookings and leave before hours. */
const weight: Readonly<Record<Piece['kind'], number>> = { booking: 0, leave: 1, on_call: 2, desk: 3, busy: 4 }
export const byWeight = (pieces: readonly Piece[]): Piece[] =>
  [...pieces].sort((a, b) => weight[a.kind] - weight[b.kind] || a.from_time.localeCompare(b.from_time))

/** What stands in the head of the page for whom. Only what works is offered. */
import type { Role } from './api/types'
import type { Key } from './i18n/index.svelte'

export type NavEntry = {
  path: string
  text: Key
  role: Role /** Further pages that stand under this entry. */
  also?: readonly string[]
}

/** What is opened most stands first; what has no room beside the others goes into the menu at the end. */
const entries: readonly NavEntry[] = [
  { path: '/cases', text: 'nav.cases', role: 'interviewer' },
  { path: '/bookings', text: 'nav.bookings', role: 'interviewer' },
  { path: '/language', text: 'nav.language', role: 'interviewer' },
  { path: '/phrases', text: 'nav.phrases', role: 'interviewer' },
  { path: '/briefings', text: 'nav.briefings', role: 'interviewer' },
  { path: '/today', text: 'nav.today', role: 'interpreter' },
  { path: '/month', text: 'nav.month', role: 'interpreter' },
  { path: '/shifts', text: 'nav.shifts', role: 'interpreter' },
  { path: '/minutes', text: 'nav.minutes', role: 'interpreter' },
  { path: '/papers', text: 'nav.papers', role: 'interpreter' },
  { path: '/board', text: 'nav.board', role: 'coordinator', also: ['/briefings'] },
  { path: '/roster', text: 'nav.roster', role: 'coordinator' },
  { path: '/cover', text: 'nav.cover', role: 'coordinator', also: ['/surge'] },
  { path: '/plans', text: 'nav.plans', role: 'coordinator' },
  { path: '/pool', text: 'nav.pool', role: 'coordinator', also: ['/quality', '/pay'] },
  { path: '/ring', text: 'nav.ring', role: 'coordinator' },
  { path: '/holidays', text: 'nav.holidays', role: 'coordinator' },
  { path: '/accounts', text: 'nav.accounts', role: 'administrator' },
  { path: '/ring', text: 'nav.ring', role: 'administrator' },
  { path: '/speech', text: 'nav.speech', role: 'coordinator' },
  { path: '/speech', text: 'nav.speech', role: 'administrator' },
  { path: '/audit', text: 'nav.audit', role: 'auditor' },
  { path: '/logs', text: 'nav.audit_logs', role: 'auditor', also: ['/sessions'] },
]

export const navFor = (who: { has: (role: Role) => boolean }): NavEntry[] =>
  entries.filter((e, at) => who.has(e.role) && !entries.slice(0, at).some((one) => one.path === e.path && who.has(one.role)))

/** Whether `path` is the page of an entry or lies under it. */
export const isAt = (entry: Pick<NavEntry, 'path' | 'also'>, path: string): boolean =>
  [entry.path, ...(entry.also ?? [])].some((one) => path === one || path.startsWith(`${one}/`))

/** How many entries a window of this width (px) shows side by side at most. */
export const mostFor = (width: number): number => (width >= 1200 ? 5 : 3)

/**
 * How many of the entries stand side by side; the rest goes into the menu. A menu for a single entry that would fit is not made.
 * Widths in px, gaps included; `more` is the width of the menu's button.
 */
export function fitting(widths: readonly number[], more: number, room: number, most: number): number {
  const all = widths.reduce((sum, one) => sum + one, 0)
  if (all <= room && widths.length <= most + 1) return widths.length
  let used = more
  let n = 0
  for (const one of widths.slice(0, Math.min(most, widths.length - 1))) {
    used += one
    if (used > room) break
    n += 1
  }
  return n
}

/** What stands in the head of the page for whom. Only what works is offered. */
import type { Role } from './api/types'
import type { Key } from './i18n/index.svelte'

export type NavEntry = { path: string; text: Key; role: Role; /** Further pages that stand under this entry. */ also?: readonly string[] }

const entries: readonly NavEntry[] = [
  { path: '/cases', text: 'nav.cases', role: 'interviewer' },
  { path: '/bookings', text: 'nav.bookings', role: 'interviewer' },
  { path: '/today', text: 'nav.today', role: 'interpreter' },
  { path: '/month', text: 'nav.month', role: 'interpreter' },
  { path: '/shifts', text: 'nav.shifts', role: 'interpreter' },
  { path: '/minutes', text: 'nav.minutes', role: 'interpreter' },
  { path: '/board', text: 'nav.board', role: 'coordinator' },
  { path: '/plans', text: 'nav.plans', role: 'coordinator' },
  { path: '/roster', text: 'nav.roster', role: 'coordinator' },
  { path: '/cover', text: 'nav.cover', role: 'coordinator' },
  { path: '/pool', text: 'nav.pool', role: 'coordinator', also: ['/quality', '/pay'] },
  { path: '/holidays', text: 'nav.holidays', role: 'coordinator' },
]

export const navFor = (who: { has: (role: Role) => boolean }): NavEntry[] => entries.filter((e) => who.has(e.role))

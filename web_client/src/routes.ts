/** Which page stands under which address, who is offered it, and whether the head of the page is shown. Each page is its own chunk. */
import type { Component } from 'svelte'
import type { Role } from './api/types'
import type { Key, Part } from './i18n/index.svelte'
import { match, type PathParams } from './lib/router.svelte'

export type PageModule = { default: Component<PathParams> }
export type Route = {
  path: string
  /** For the window's title. */
  title: Key
  /** Any one of these roles; `undefined`: also without sign-in. */
  roles?: readonly Role[]
  /** Without the head of the page: sign-in, call, the person's tablet. */
  bare?: boolean
  /** Opens without a line too, when this browser has kept it. */
  offline?: boolean
  /** Parts of the catalogue that the page has texts in, besides the common ones. */
  texts?: readonly Part[]
  load: () => Promise<PageModule>
}

const everybody: readonly Role[] = ['interviewer', 'interpreter', 'coordinator', 'administrator', 'auditor']
const page = (load: () => Promise<{ default: unknown }>): (() => Promise<PageModule>) => load as () => Promise<PageModule>

export const routes: readonly Route[] = [
  { path: '/sign-in', title: 'auth.title', bare: true, load: page(() => import('./auth/SignInPage.svelte')) },
  {
    path: '/cases',
    title: 'nav.cases',
    roles: ['interviewer', 'coordinator'],
    load: page(() => import('./cases/CaseListPage.svelte')),
  },
  { path: '/cases/new', title: 'case.new', roles: ['interviewer'], load: page(() => import('./cases/NewCasePage.svelte')) },
  {
    path: '/cases/:id',
    title: 'case.title',
    roles: ['interviewer', 'coordinator'],
    load: page(() => import('./cases/CasePage.svelte')),
  },
  {
    path: '/cases/:id/terms',
    title: 'case.title',
    roles: ['interviewer'],
    texts: ['aids'],
    load: page(() => import('./aids/CaseTermsPage.svelte')),
  },
  {
    path: '/cases/:id/book',
    title: 'booking.new',
    roles: ['interviewer'],
    texts: ['scheduling'],
    load: page(() => import('./bookings/BookingPage.svelte')),
  },
  {
    path: '/cases/:id/language',
    title: 'nav.language',
    roles: ['interviewer'],
    texts: ['language'],
    load: page(() => import('./desk/LanguageDeskPage.svelte')),
  },
  {
    path: '/language',
    title: 'nav.language',
    roles: ['interviewer'],
    texts: ['language'],
    load: page(() => import('./desk/LanguageDeskPage.svelte')),
  },
  {
    // Without sign-in, because it must open where there is no line to sign in over; it holds nothing of anybody.
    path: '/phrases',
    title: 'nav.phrases',
    texts: ['language'],
    offline: true,
    load: page(() => import('./desk/PhrasesPage.svelte')),
  },
  {
    path: '/bookings',
    title: 'nav.bookings',
    roles: ['interviewer', 'coordinator'],
    texts: ['pool', 'scheduling'],
    load: page(() => import('./bookings/BookingListPage.svelte')),
  },
  {
    path: '/bookings/:id',
    title: 'waiting.title',
    roles: ['interviewer'],
    texts: ['scheduling'],
    load: page(() => import('./bookings/WaitingPage.svelte')),
  },
  {
    path: '/sessions/:id',
    title: 'record.title',
    roles: ['interviewer', 'coordinator', 'auditor'],
    texts: ['pool', 'aids', 'speech', 'fallback'],
    load: page(() => import('./sessions/RecordPage.svelte')),
  },
  {
    path: '/audit',
    title: 'nav.audit',
    roles: ['auditor'],
    texts: ['audit', 'calendar'],
    load: page(() => import('./audit/AuditPage.svelte')),
  },
  {
    path: '/logs',
    title: 'nav.audit_logs',
    roles: ['auditor'],
    texts: ['audit'],
    load: page(() => import('./audit/LogsPage.svelte')),
  },
  {
    path: '/calls/:id',
    title: 'call.title',
    roles: ['interviewer', 'interpreter'],
    bare: true,
    load: page(() => import('./call/CallPage.svelte')),
  },
  {
    path: '/precheck',
    title: 'precheck.title',
    roles: ['interviewer', 'interpreter'],
    load: page(() => import('./call/PrecheckPage.svelte')),
  },
  {
    path: '/today',
    title: 'nav.today',
    roles: ['interpreter'],
    texts: ['ring', 'briefings', 'phone', 'papers'],
    load: page(() => import('./interpreter/TodayPage.svelte')),
  },
  {
    path: '/month',
    title: 'nav.month',
    roles: ['interpreter'],
    texts: ['calendar'],
    load: page(() => import('./calendar/MonthPage.svelte')),
  },
  {
    path: '/holidays',
    title: 'nav.holidays',
    roles: ['coordinator'],
    texts: ['calendar'],
    load: page(() => import('./calendar/HolidaysPage.svelte')),
  },
  {
    path: '/board',
    title: 'nav.board',
    roles: ['coordinator'],
    texts: ['board', 'ring', 'scheduling', 'demand', 'briefings', 'phone'],
    load: page(() => import('./coordinator/BoardPage.svelte')),
  },
  {
    path: '/briefings',
    title: 'nav.briefings',
    roles: ['interviewer', 'coordinator'],
    texts: ['briefings'],
    load: page(() => import('./briefings/BriefingsPage.svelte')),
  },
  {
    path: '/briefings/:id',
    title: 'nav.briefings',
    roles: ['interviewer', 'coordinator'],
    texts: ['briefings'],
    load: page(() => import('./briefings/BriefingPage.svelte')),
  },
  {
    path: '/briefings/booth/:id',
    title: 'nav.briefings',
    roles: ['interpreter'],
    texts: ['briefings'],
    load: page(() => import('./briefings/BriefingBoothPage.svelte')),
  },
  {
    path: '/listen',
    title: 'nav.briefings',
    bare: true,
    texts: ['briefings'],
    load: page(() => import('./briefings/ListenPage.svelte')),
  },
  {
    path: '/ring',
    title: 'nav.ring',
    roles: ['coordinator', 'administrator'],
    texts: ['ring'],
    load: page(() => import('./ring/RingPage.svelte')),
  },
  {
    path: '/cover',
    title: 'nav.cover',
    roles: ['coordinator'],
    texts: ['demand'],
    load: page(() => import('./demand/CoverPage.svelte')),
  },
  {
    path: '/surge',
    title: 'nav.surge',
    roles: ['coordinator'],
    texts: ['demand'],
    load: page(() => import('./demand/SurgePage.svelte')),
  },
  {
    path: '/plans',
    title: 'nav.plans',
    roles: ['coordinator'],
    texts: ['plans', 'board'],
    load: page(() => import('./plans/PlansPage.svelte')),
  },
  {
    path: '/roster',
    title: 'nav.roster',
    roles: ['coordinator'],
    texts: ['roster'],
    load: page(() => import('./roster/RosterPage.svelte')),
  },
  {
    path: '/shifts',
    title: 'nav.shifts',
    roles: ['interpreter'],
    texts: ['roster'],
    load: page(() => import('./roster/ShiftsPage.svelte')),
  },
  {
    path: '/pool',
    title: 'nav.pool',
    roles: ['coordinator'],
    texts: ['pool', 'briefings', 'telephony'],
    load: page(() => import('./pool/PoolPage.svelte')),
  },
  {
    path: '/pool/:id',
    title: 'nav.pool',
    roles: ['coordinator'],
    texts: ['pool', 'papers', 'calendar', 'telephony'],
    load: page(() => import('./pool/MemberPage.svelte')),
  },
  {
    path: '/quality',
    title: 'nav.quality',
    roles: ['coordinator'],
    texts: ['pool', 'fallback'],
    load: page(() => import('./pool/QualityPage.svelte')),
  },
  {
    path: '/pay',
    title: 'nav.pay',
    roles: ['coordinator'],
    texts: ['pool', 'calendar'],
    load: page(() => import('./pool/PayPage.svelte')),
  },
  {
    path: '/papers',
    title: 'nav.papers',
    roles: ['interpreter'],
    texts: ['pool', 'papers'],
    load: page(() => import('./pool/PapersPage.svelte')),
  },
  {
    path: '/minutes',
    title: 'nav.minutes',
    roles: ['interpreter'],
    texts: ['pool'],
    load: page(() => import('./pool/MinutesPage.svelte')),
  },
  {
    path: '/speech',
    title: 'nav.speech',
    roles: ['coordinator', 'administrator'],
    texts: ['speech', 'calendar'],
    load: page(() => import('./speech/SpeechPage.svelte')),
  },
  {
    path: '/accounts',
    title: 'nav.accounts',
    roles: ['administrator'],
    texts: ['admin'],
    load: page(() => import('./admin/AccountsPage.svelte')),
  },
  { path: '/t', title: 'guest.title', bare: true, load: page(() => import('./applicant/GuestPage.svelte')) },
  {
    path: '/account',
    title: 'account.title',
    roles: everybody,
    texts: ['phone', 'telephony'],
    load: page(() => import('./auth/AccountPage.svelte')),
  },
]

export function find(path: string): { route: Route; params: PathParams } | undefined {
  for (const route of routes) {
    const params = match(route.path, path)
    if (params) return { route, params }
  }
  return undefined
}

/** Shapes of the HTTP contract (docs/protocol.md, section 1). Written by hand where a page needs them; field names as on the wire. */

export type Role = 'interviewer' | 'interpreter' | 'coordinator' | 'administrator' | 'auditor'
export type Country = 'RS' | 'MK'
export type Part = 'officer' | 'interpreter' | 'applicant' | 'guardian' | 'lawyer'
export type Stage = 'identification' | 'registration' | 'vulnerability' | 'asylum' | 'return'
export type Mode = 'open' | 'sealed'
export type Params = Record<string, string | number>

/** A name in the languages of the two countries; show with `named()`. */
export type Names = { en: string; 'sr-Cyrl'?: string; mk?: string }

export type Me = {
  user_id: string
  code: string
  locale: string
  site: { code: string; name: Names; country: Country } | null
  memberships: { role: Role; country: Country }[]
  csrf: string
  interpreter_id: string | null
}
export type Config = { version: string; demo: boolean; locales: string[]; min_password: number }

export type Language = {
  code: string
  endonym: string | null
  dir: 'ltr' | 'rtl'
  group: string
  macro: string | null
  /** Not precise enough to match: a variety is asked. */
  is_macro: boolean
}
export type Step = {
  code: string
  country: Country
  stage: Stage
  seq: number
  name: Names
  short_name: Names
  authority: string
  authorities: string[]
  interpretation: 'mandatory' | 'expected' | 'optional' | 'none'
  remote: Record<'video' | 'phone', 'preferred' | 'allowed' | 'not_allowed' | 'agreement'>
  recording: 'off' | 'optional' | 'mandatory' | 'never' | 'court'
  typical_minutes: number
  presence: string[]
  documents: string[]
  readback: boolean
  min_level: 'L0' | 'L1' | 'L2' | 'L3'
}
export type Catalogue = {
  languages: Language[]
  officer_languages: string[]
  authorities: { code: string; country: Country; name: Names }[]
  sites: { code: string; country: Country; name: Names; authority: string }[]
  steps: Step[]
  needs: string[]
}

export type LanguageSource = 'self_declared' | 'card' | 'officer_guess' | 'interpreter_confirmed'
export type CaseLanguage = {
  code: string
  source: LanguageSource
  region_note: string | null
  rank: number
  confirmed_at: string | null
}
export type SexWish = { wish: 'none' | 'woman' | 'man'; must: boolean; asked_at: string | null }
export type Literacy = 'can_read' | 'cannot' | 'unknown'
export type AgeGroup = '0-13' | '14-15' | '16-17' | '18-64' | '65+'
export type Uam = 'no' | 'suspected' | 'confirmed'
export type Track = 'regular' | 'accelerated' | 'border' | 'subsequent'

export type NewCase = {
  country: Country
  site: string
  languages: { code: string; source: LanguageSource; region_note?: string }[]
  literacy: Literacy
  age_group: AgeGroup
  uam: Uam
  interp_sex?: { wish: SexWish['wish']; must: boolean; asked: boolean }
  needs: string[]
  country_of_origin?: string
  track: Track
  first_step: string
  ext_ref?: string
  emergency?: boolean
}
export type HeldHow = 'interpreter_in_person' | 'no_talk'
export type StepState = 'planned' | 'scheduled' | 'held' | 'postponed' | 'dropped'
export type CaseSummary = {
  id: string
  case_ref: string
  country: Country
  site: string
  state: 'open' | 'closed'
  languages: CaseLanguage[]
  step: { id: string; code: string; state: StepState } | null
  next: 'start' | 'waiting' | 'in_session' | 'join' | 'none'
  booking_id: string | null
  session_id: string | null
  opened_at: string
  changed_at: string
  emergency: boolean
  link_by: string | null
}
export type StepView = {
  id: string
  code: string
  state: StepState
  planned_at: string
  held_at: string | null
  /** How, if it was held outside Tarjuman. */
  held_how: HeldHow | null
  sessions: {
    id: string
    state: string
    started_at: string | null
    ended_at: string | null
    minutes: number | null
    interpreter_code: string | null
    outcome: string | null
  }[]
}
export type GateAction = 'set_language' | 'ask_sex' | 'guardian_arrived' | 'plan_step'
export type Gate = {
  code: string
  state: 'ok' | 'wait' | 'warn' | 'stop'
  params: Params
  rule: string
  action: GateAction | null
}
export type CaseTimer = {
  id: string
  due_at: string
  meaning_key: string
  state: 'running' | 'due_soon' | 'over'
  status: string
}
export type CaseDetail = CaseSummary & {
  version: number
  literacy: Literacy
  age_group: AgeGroup
  uam: Uam
  guardian: { assigned: boolean; code: string | null; arrived_at: string | null } | null
  interp_sex: SexWish
  officer_sex: SexWish
  needs: string[]
  country_of_origin: string | null
  track: Track
  ext_ref: string | null
  steps: StepView[]
  current_step_id: string | null
  gates: Gate[]
  locked_by: string | null
  mode: Mode
  timers: CaseTimer[]
  bookings: BookingView[]
  suggested_steps: string[]
}
export type Page<T> = { items: T[]; total: number; page: number; per: number }
export type Expected = { basis: 'measured' | 'none'; p50_s: number | null; p90_s: number | null; n: number }
export type Outlook = { free_now: number; free_few: boolean; wish_met: number | null; expected: Expected; national_only: boolean }

export type RungCode = 'best' | 'next' | 'on_call' | 'other_country' | 'phone' | 'coordinator' | 'partners'
export type Rung = {
  code: RungCode
  state: 'done' | 'now' | 'later' | 'skipped'
  count: number | null
  reason: string | null
  ends_at: string | null
}
export type Reason = { code: string; params: Params }
export type OfferBrief = {
  interpreter_code: string
  state: 'pending' | 'accepted' | 'declined' | 'expired' | 'withdrawn'
  reasons: Reason[]
}
export type BookingState =
  | 'requested'
  | 'offering'
  | 'assigned'
  | 'in_session'
  | 'fulfilled'
  | 'unfilled'
  | 'missed'
  | 'cancelled'
export type BookingView = {
  id: string
  case_id: string
  case_ref: string
  step_id: string
  step_code: string
  country: Country
  site: string
  kind: 'now' | 'appointment'
  language: string
  priority: string
  state: BookingState
  requested_at: string
  starts_at: string | null
  ends_at: string | null
  zone: string | null
  round: number
  rungs: Rung[]
  offers: OfferBrief[]
  interpreter: { code: string; level: string } | null
  session_id: string | null
  join_opens_at: string | null
  join_by: string | null
  expected: Expected
  callback: boolean
  needs_coordinator: boolean
  unfilled_reason: string | null
  wish: { value: SexWish['wish']; must: boolean }
}
export type NewBooking = {
  case_id: string
  step_id: string
  kind: 'now' | 'appointment'
  language: string
  starts_at?: string
  minutes?: number
  zone?: string
  safety_only?: boolean
}

export type LogEntryView = { seq: number; at: string; kind: string; data: Params; hash: string }
export type SessionRecord = {
  id: string
  case_id: string
  case_ref: string
  step_code: string
  state: string
  mode: Mode
  planned_at: string | null
  waiting_at: string | null
  active_at: string | null
  ended_at: string | null
  sealed_at: string | null
  outcome: string | null
  reason: string | null
  language_declared: string
  language_confirmed: string | null
  substitution: { from: string; to: string; penalty: number } | null
  interpreter: { code: string; level: string; country: Country } | null
  sex_pref: { value: SexWish['wish']; must: boolean; met: boolean | null }
  mode_segments: { mode: string; from: string; to: string | null }[]
  present: { part: Part; code: string; in: string; out: string | null }[]
  interruptions: { from: string; to: string | null; seconds: number | null; who: string }[]
  speaking_min: number | null
  entries: LogEntryView[]
  chain: { ok: boolean; broken_at: number | null; seal: string | null }
}
export type Problem = {
  status: number
  code: string
  params?: Params
  detail?: string
  fields?: { field: string; code: string; params?: Params; detail?: string }[]
  correlation_id?: string
}

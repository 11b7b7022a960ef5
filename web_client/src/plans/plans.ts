/** Plans as the server tells them, and what is said about them in words. Pure. */
import { lookUp } from '../i18n/index.svelte'
import { numberText } from '../i18n/numbers'

export type PlanHead = {
  id: string
  country: string
  version: number
  kind: 'nightly' | 'on_demand' | 'repair'
  state: 'draft' | 'proposed' | 'approved' | 'stale' | 'rejected'
  starts_at: string
  ends_at: string
  made_at: string
  seconds: number
  phase: string
  elapsed_ms: number
  bookings: number
  left_out: number
  points: number | null
  gap_permille: number | null
  absent: string | null
  failure: string | null
}
export type PlanCell = {
  booking_id: string
  leg: number
  case_ref: string
  step_code: string
  language: string
  officer_language: string
  pivot: string | null
  starts_at: string
  ends_at: string
  priority: string
  interpreter_id: string | null
  interpreter: string | null
  before: string | null
  moved: boolean
  pinned: boolean
  points: number
  state: 'proposed' | 'bound' | 'stale'
  reason: string | null
}
export type PlanPerson = { interpreter: string; before_min: number; after_min: number; bookings: number }
export type PlanView = {
  head: PlanHead
  parts: Record<string, number>
  against: number | null
  cells: PlanCell[]
  people: PlanPerson[]
}
export type Approved = { bound: number; stale: { booking_id: string; reason: string }[]; remaining: number }
export type CellReason = {
  rule: string
  params: Record<string, string | number>
  beside: string | null
  beside_at: string | null
}
/** Why not this person? Empty reasons: it would be allowed. */
export type WhyNot = { interpreter: string; reasons: CellReason[]; points: number | null }
/** Who may have a cell of a plan, best for the plan first, and who may not, by which rules. */
export type CellPeople = {
  booking_id: string
  leg: number
  able: {
    interpreter_id: string
    interpreter: string
    points: number
    change: number
    terms: { rule: string; code: string; points: number }[]
    chosen: boolean
  }[]
  barred: { interpreter_id: string; interpreter: string; reasons: CellReason[] }[]
  other_languages: number
}

/** How good a plan is known to be, by its gap in tenths of a percent. */
export type Grade = 'none' | 'best' | 'near' | 'good' | 'rough'
export function grade(gap: number | null): Grade {
  if (gap === null) return 'none'
  if (gap === 0) return 'best'
  if (gap <= 5) return 'near'
  return gap <= 30 ? 'good' : 'rough'
}

/** Tenths of a percent as a text such as `0.4`. */
export const percent = (permille: number): string => numberText(Math.round(permille) / 10)

export type Filter = 'all' | 'changed' | 'left_out'
/** Rows of a filter. Against another plan a row counts as changed when somebody else has it. */
export function shown(cells: readonly PlanCell[], filter: Filter): PlanCell[] {
  return cells.filter((cell) => {
    if (filter === 'left_out') return cell.interpreter === null
    return filter === 'all' || cell.before !== cell.interpreter
  })
}

/** The part of a rule id that its sentence goes by: `M-2.day_limit` is `day_limit`. */
export const ruleName = (rule: string): string => rule.split('.').at(-1) ?? rule

/** The sentence of a rule that forbids somebody; the rule's id where there is none. */
export const ruleSentence = (rule: string): string =>
  lookUp(`plans.rule.${ruleName(rule)}`) ?? lookUp(`board.refusal.${ruleName(rule)}`) ?? rule

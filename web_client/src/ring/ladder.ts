/** The ladder of a country while it is changed: rows as text, and what is wrong with them before the server is asked. Pure. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type Policy = Schemas['LadderPolicy']
export type Kind = Policy['rungs'][number]['kind']
export type Row = { kind: Kind; seconds: string; least: string; most: string }
export type Partner = { name: string; contact: string; languages: string[] }
export const MOST_PARTNERS = 40
export type Fault = { kind: Kind; what: 'too_short' | 'bounds' }

export const kinds: readonly Kind[] = ['own', 'best', 'next', 'on_call', 'other_country', 'phone_only', 'coordinator']
export const numbers = [
  'aim_percent',
  'alert_seconds',
  'reserve_percent',
  'reserve_from',
  'hold_note_seconds',
  'month_target_minutes',
] as const
export type NumberName = (typeof numbers)[number]

const text = (value: number | null | undefined): string => (value === null || value === undefined ? '' : String(value))
export const rowsOf = (policy: Policy): Row[] =>
  policy.rungs.map((one) => ({ kind: one.kind, seconds: text(one.seconds), least: text(one.least), most: text(one.most) }))

/** The coordinator stays last, whatever is moved. */
export function moved(rows: readonly Row[], at: number, by: -1 | 1): Row[] {
  const to = at + by
  const last = rows.length - 1
  if (to < 0 || to >= last || at >= last) return [...rows]
  const next = [...rows]
  const [one] = next.splice(at, 1)
  if (one) next.splice(to, 0, one)
  return next
}

export function added(rows: readonly Row[], kind: Kind): Row[] {
  if (rows.some((one) => one.kind === kind)) return [...rows]
  return [...rows.slice(0, -1), { kind, seconds: '20', least: '', most: '' }, ...rows.slice(-1)]
}

const whole = (value: string): number | undefined => (/^\d{1,5}$/.test(value.trim()) ? Number(value) : undefined)

export function faults(rows: readonly Row[], alert: string): Fault[] {
  const shortest = whole(alert) ?? 0
  return rows.flatMap((one): Fault[] => {
    const found: Fault[] = []
    if (one.kind !== 'coordinator' && (whole(one.seconds) ?? -1) < shortest) found.push({ kind: one.kind, what: 'too_short' })
    const [least, most] = [whole(one.least), whole(one.most)]
    const none = one.least.trim() === '' && one.most.trim() === ''
    if (!none && (least === undefined || most === undefined || least < 1 || least > most))
      found.push({ kind: one.kind, what: 'bounds' })
    return found
  })
}

export const partnersOf = (policy: Policy): Partner[] =>
  (policy.partners ?? []).map(({ name, contact, languages }) => ({ name, contact, languages: [...(languages ?? [])] }))

/** Whether each partner has a name and a way to be reached: a list that leads nowhere helps nobody. */
export const partnersDone = (partners: readonly Partner[]): boolean =>
  partners.every((one) => one.name.trim() !== '' && one.contact.trim() !== '')

/** The policy as it would be saved. */
export function changed(
  policy: Policy,
  rows: readonly Row[],
  values: Readonly<Record<NumberName, string>>,
  partners: readonly Partner[] = partnersOf(policy),
): Policy {
  const own = Object.fromEntries(numbers.map((name) => [name, whole(values[name]) ?? policy[name]]))
  const rungs = rows.map((one) => ({
    kind: one.kind,
    seconds: whole(one.seconds) ?? 0,
    least: whole(one.least) ?? null,
    most: whole(one.most) ?? null,
  }))
  const asked = partners.map((one) => ({ ...one, name: one.name.trim(), contact: one.contact.trim() }))
  return { ...policy, ...own, rungs, partners: asked }
}

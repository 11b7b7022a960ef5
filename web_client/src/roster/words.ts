/** Sentences about shifts, gaps and rules. */
import { languageName } from '../api/catalogue.svelte'
import { dayShort } from '../i18n/dates'
import { byCode, t } from '../i18n/index.svelte'
import { numberText } from '../i18n/numbers'
import type { AppError } from '../lib/errors'
import { clock, dateOf } from './model'
import type { Kind, RosterView, Stretch } from './types'

export const kindWord = (word: string): string => byCode('roster.word', word)
/** Rules of the checker by name, and bars by the rule that they stand for (`R-8`). */
export const ruleText = (rule: string): string => byCode('roster.rule', rule.toLowerCase().replace('-', ''), {}, rule)
export const dayOf = (roster: Pick<RosterView, 'starts_on'>, day: number): string => dayShort(dateOf(roster.starts_on, day))
export const hoursText = (minutes: number): string => t('roster.hours', { n: numberText(Math.round(minutes / 6) / 10) })
export const percent = (permille: number): string => numberText(Math.floor(permille) / 10)

/** `Early, 06:00–14:00`. */
export const kindText = (kind: Kind): string =>
  t('roster.kind', { word: kindWord(kind.word), from: clock(kind.start), to: clock(kind.start + kind.length, true) })

export function gapName(roster: RosterView, gap: Stretch): string {
  const slots = {
    line: languageName(gap.line),
    day: dayOf(roster, gap.day),
    from: clock(gap.start),
    to: clock(gap.end, true),
    n: gap.missing,
  }
  return t(gap.women ? 'roster.gap.woman' : 'roster.gap.name', slots)
}

/** A refusal in words: who, when, which rule. Undefined for any other error. */
export function refusal(roster: RosterView, error: AppError): string | undefined {
  if (error.code !== 'roster_rule') return undefined
  const { rule, reason, person, day } = error.params
  const code = roster.people.find((p) => p.id === person)?.code ?? ''
  const told = ruleText(String(rule === 'barred' ? reason : rule))
  const at = Number(day)
  return Number.isInteger(at) && at >= 0
    ? t('roster.refused.day', { code, day: dayOf(roster, at), rule: told })
    : t('roster.refused', { code, rule: told })
}

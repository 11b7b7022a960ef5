/** Sentences about papers, gaps, minutes and money. */

import { byCode, i18n, t } from '../i18n/index.svelte'
import { numberText } from '../i18n/numbers'
import type { Tone } from '../ui/Badge.svelte'
import type { Line, Notice } from './types'

const commas = new Set(['sr-Cyrl', 'sr-Latn', 'mk', 'sq'])

/** `1 250.50 RSD`, never computed in floating point; two decimals in all three currencies. */
export function moneyText(minor: number, currency: string, locale: string = i18n.locale): string {
  const whole = String(Math.trunc(minor / 100)).replace(/\B(?=(\d{3})+$)/g, '\u00a0')
  return `${whole}${commas.has(locale) ? ',' : '.'}${String(minor % 100).padStart(2, '0')}\u00a0${currency}`
}

/** Minor units of what somebody has typed (`1250`, `12,50`, `12.5`); undefined when it is no amount. */
export function minorOf(typed: string): number | undefined {
  const found = /^(\d{1,6})(?:[.,](\d{1,2}))?$/.exec(typed.trim())
  return found ? Number(found[1]) * 100 + Number((found[2] ?? '').padEnd(2, '0')) : undefined
}

/** Whole minutes of a day, from what somebody has typed. */
export function minutesOf(typed: string): number | undefined {
  const n = /^\d{1,4}$/.test(typed.trim()) ? Number(typed) : undefined
  return n !== undefined && n <= 1440 ? n : undefined
}

export const minutesText = (count: number): string => t('pool.minutes', { count })

/** What a call-in counts at least, while its minutes are still to be said. */
export const leastText = (line: Line): string | undefined =>
  line.least !== null && line.minutes < line.least ? t('pool.call_in.least', { time: minutesText(line.least) }) : undefined

/** A vetting, an undertaking, the code of conduct, or `training:REMOTE`. */
export const paperName = (kind: string): string =>
  kind.startsWith('training:') ? byCode('pool.training', kind.slice(9)) : byCode('pool.paper', kind)

export const noticeText = (one: Notice): string =>
  one.urgency === 'missing'
    ? t('pool.watch.missing')
    : one.urgency === 'over'
      ? t('pool.watch.over')
      : t('pool.watch.days', { count: Math.max(0, one.days_left ?? 0) })

export const noticeTone = (urgency: string): Tone =>
  urgency === 'over' || urgency === 'missing' ? 'danger' : urgency === 'days_60' ? 'plain' : 'warn'
export const stageTone = (stage: string): Tone =>
  stage === 'active' ? 'ok' : stage === 'suspended' || stage === 'refused' ? 'danger' : stage === 'left' ? 'plain' : 'accent'
export const answerTone = (answer: string): Tone => (answer === 'good' ? 'ok' : answer === 'fair' ? 'warn' : 'danger')
export const loadTone = (load: string): Tone => (load === 'light' ? 'ok' : load === 'watch' ? 'warn' : 'danger')
export const lineTone = (state: string): Tone =>
  state === 'disputed' ? 'danger' : state === 'open' ? 'warn' : state === 'paid' ? 'ok' : 'plain'
/** `+6`, `0`, `-3`. */
export const pointsText = (points: number): string => (points > 0 ? `+${numberText(points)}` : String(points))

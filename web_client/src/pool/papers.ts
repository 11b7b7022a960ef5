/** Sentences about one paper: when it ends, how urgent that is, what to do about it. */
import { dateText } from '../i18n/dates'
import { lookUp, t } from '../i18n/index.svelte'
import type { Tone } from '../ui/Badge.svelte'
import type { Paper } from './types'

export const trainingOf = (kind: string): string | undefined => (kind.startsWith('training:') ? kind.slice(9) : undefined)

/** The last day on which it still holds: ends are told as the instant after it. */
export const lastDay = (until: string): Date => new Date(Date.parse(until) - 1)

/** Name of the paper; on pages without the names of trainings its code stands. */
export function nameOf(kind: string): string {
  const training = trainingOf(kind)
  if (training) return lookUp(`pool.training.${training}`) ?? t('papers.training', { code: training })
  return lookUp(`papers.kind.${kind}`) ?? kind
}

/** In a word or two, for a badge. */
export function stateText(one: Paper): string {
  if (one.urgency === 'over') return t('papers.over')
  if (one.urgency === 'missing') return t('papers.missing')
  if (one.urgency === 'good' || one.urgency === 'later') return t('papers.valid')
  return t('papers.days', { n: Math.max(0, one.days_left ?? 0) })
}

export const stateTone = (one: Pick<Paper, 'urgency'>): Tone =>
  one.urgency === 'over' || one.urgency === 'missing' || one.urgency === 'days_7'
    ? 'danger'
    : one.urgency === 'days_30' || one.urgency === 'days_60'
      ? 'warn'
      : 'ok'

export const untilText = (one: Paper): string =>
  one.until ? t('papers.until', { date: dateText(lastDay(one.until)) }) : one.urgency === 'good' ? t('papers.good') : ''

/** What the interpreter does about it; nothing while it holds for longer than 60 days. */
export function todo(one: Paper): string | undefined {
  if (one.urgency === 'later' || one.urgency === 'good') return undefined
  const what = trainingOf(one.kind) ? 'training' : one.kind
  const how = lookUp(`papers.todo.${what}`) ?? t('papers.todo.training')
  if (one.urgency === 'over' || one.urgency === 'missing') return one.stops ? `${how} ${t('papers.stopped')}` : how
  return one.stops ? `${how} ${t('papers.stops')}` : how
}

/** The one notice of the home page: the most urgent paper, by the steps of the watch (60, 30 and 7 days). */
export function noticeOf(urgent: readonly Paper[]): { one: Paper; more: number; tone: 'info' | 'warn' | 'danger' } | undefined {
  const one = urgent[0]
  if (!one) return undefined
  const tone = one.urgency === 'days_60' ? 'info' : one.urgency === 'days_30' ? 'warn' : 'danger'
  return { one, more: urgent.length - 1, tone }
}

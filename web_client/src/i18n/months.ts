/** Names of months and weekdays for heads of calendars. */
import { asDate, intl, own, pashtoDays, type When } from './dates'
import { i18n } from './index.svelte'
import type { Locale } from './locales'

/** As the tables of `dates.ts`. */
const days: Partial<Record<Locale, readonly string[]>> = {
  mk: 'недела понеделник вторник среда четврток петок сабота'.split(' '),
  sq: ['e diel', 'e hënë', 'e martë', 'e mërkurë', 'e enjte', 'e premte', 'e shtunë'],
  ps: pashtoDays,
}

/** `November 2026`, for the head of a month. */
export function monthText(when: When, locale: Locale = i18n.locale): string {
  const d = asDate(when)
  const names = own[locale]
  if (!names) return intl(locale, { month: 'long', year: 'numeric' }).format(d)
  return `${names.months[d.getMonth()]} ${d.getFullYear()}${locale === 'mk' ? ' г.' : ''}`
}

/** `November`. */
export function monthName(when: When, locale: Locale = i18n.locale): string {
  const d = asDate(when)
  return own[locale]?.months[d.getMonth()] ?? intl(locale, { month: 'long' }).format(d)
}

/** `Sat`, for the head of a column. */
export function weekdayShort(when: When, locale: Locale = i18n.locale): string {
  const d = asDate(when)
  return own[locale]?.daysShort[d.getDay()] ?? intl(locale, { weekday: 'short' }).format(d)
}

/** `Saturday`. */
export function weekdayText(when: When, locale: Locale = i18n.locale): string {
  const d = asDate(when)
  return days[locale]?.[d.getDay()] ?? intl(locale, { weekday: 'long' }).format(d)
}

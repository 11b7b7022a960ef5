/**
 * Dates for people: Gregorian calendar, 24 h, Western digits, in the zone of the machine. What only calendars need is in `months.ts`,
 * so that the call page does not carry it; numbers are in `numbers.ts`.
 * Chromium has no data for mk, sq and ps and would silently give English; their names are here (CLDR 46).
 */
import { i18n, t } from './index.svelte'
import type { Locale } from './locales'

type Names = { months: readonly string[]; short: readonly string[]; daysShort: readonly string[] }

const pashtoMonths = ['جنوري', 'فبروري', 'مارچ', 'اپریل', 'مۍ', 'جون', 'جولای', 'اګست', 'سېپتمبر', 'اکتوبر', 'نومبر', 'دسمبر']
export const pashtoDays = ['يونۍ', 'دونۍ', 'درېنۍ', 'څلرنۍ', 'پينځنۍ', 'جمعه', 'اونۍ']

/** Days begin with Sunday, as `Date.getDay()` counts. */
export const own: Partial<Record<Locale, Names>> = {
  mk: {
    months: 'јануари февруари март април мај јуни јули август септември октомври ноември декември'.split(' '),
    short: 'јан. фев. мар. апр. мај јун. јул. авг. сеп. окт. ное. дек.'.split(' '),
    daysShort: 'нед. пон. вто. сре. чет. пет. саб.'.split(' '),
  },
  sq: {
    months: 'janar shkurt mars prill maj qershor korrik gusht shtator tetor nëntor dhjetor'.split(' '),
    short: 'jan shk mar pri maj qer korr gush sht tet nën dhj'.split(' '),
    daysShort: 'die hën mar mër enj pre sht'.split(' '),
  },
  ps: { months: pashtoMonths, short: pashtoMonths, daysShort: pashtoDays },
}

export const tag = (locale: Locale): string => `${locale === 'en' ? 'en-GB' : locale}-u-ca-gregory-nu-latn`
const formats = new Map<string, Intl.DateTimeFormat>()

export function intl(locale: Locale, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options)
  const known = formats.get(key) ?? new Intl.DateTimeFormat(tag(locale), options)
  formats.set(key, known)
  return known
}

export type When = string | Date
export const asDate = (when: When): Date => (typeof when === 'string' ? new Date(when) : when)
export const two = (n: number): string => String(n).padStart(2, '0')

/** `14:05`, or `14:05:09` with seconds. */
export function timeText(when: When, seconds = false): string {
  const d = asDate(when)
  return `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? `:${two(d.getSeconds())}` : ''}`
}

/** `21 November 2026`. */
export function dateText(when: When, locale: Locale = i18n.locale): string {
  const d = asDate(when)
  const names = own[locale]
  if (!names) return intl(locale, { day: 'numeric', month: 'long', year: 'numeric' }).format(d)
  const month = names.months[d.getMonth()]
  if (locale === 'ps') return `${d.getFullYear()} ${month} ${d.getDate()}`
  return `${d.getDate()} ${month} ${d.getFullYear()}${locale === 'mk' ? ' г.' : ''}`
}

/** `Sat 21 Nov`, for rows. */
export function dayShort(when: When, locale: Locale = i18n.locale): string {
  const d = asDate(when)
  const names = own[locale]
  if (!names) return intl(locale, { weekday: 'short', day: 'numeric', month: 'short' }).format(d)
  return `${names.daysShort[d.getDay()]} ${d.getDate()} ${names.short[d.getMonth()]}`
}

const dayNumber = (d: Date): number => Math.round(Date.UTC(d.getFullYear(), d.getMonth(), d.getDate()) / 86_400_000)

/** `today`, `yesterday`, `tomorrow`, else `Sat 21 Nov`. */
export function dayText(when: When, today: Date = new Date()): string {
  const d = asDate(when)
  const ahead = dayNumber(d) - dayNumber(today)
  if (ahead === 0) return t('day.today')
  if (ahead === -1) return t('day.yesterday')
  if (ahead === 1) return t('day.tomorrow')
  return dayShort(d)
}

/** `14:05` today, else `yesterday, 14:05` or `Sat 21 Nov, 14:05`. */
export function momentText(when: When, today: Date = new Date()): string {
  const d = asDate(when)
  if (dayNumber(d) === dayNumber(today)) return timeText(d)
  return t('day.at', { day: dayText(d, today), time: timeText(d) })
}

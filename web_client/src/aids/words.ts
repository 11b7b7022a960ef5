/** What is shown to everybody, as text: in the language of the page, and in the digits and words of the person. */
import { dateText } from '../i18n/dates'
import { i18n, t } from '../i18n/index.svelte'
import { monthName } from '../i18n/months'
import { asDate, type CalendarId, dayOf, daysOf, type Reading, reading, type SaidDate, type Ymd, ymd } from './calendars'
import { type DigitSystem, digitsOf, inDigits } from './digits'
import { isAfghan, isIranian, monthNames, ownAboutWord, ownMonthNames, ownSeason } from './months'

export const currencies = ['EUR', 'RSD', 'MKD', 'USD', 'TRY', 'AFN', 'IRR', 'IQD', 'SYP'] as const
export type Currency = (typeof currencies)[number]
/** What may be shown (docs/protocol.md, `room.number`). */
export type ShownNumber =
  | { kind: 'number'; value: string }
  | { kind: 'time'; value: string }
  | { kind: 'amount'; value: string; currency: Currency }
  | SaidDate
/** News `aids.number`. */
export type Shown = { n: number; by: string; part: string; number: ShownNumber | null }

const numberForm = /^\+?[0-9][0-9 .,:/-]{0,22}$/
const amountForm = /^[0-9]{1,12}([.,][0-9]{1,2})?$/

/** What was typed, ready to be sent; undefined while it is none of that kind. */
export function typedNumber(kind: 'number' | 'time' | 'amount', typed: string, currency: Currency): ShownNumber | undefined {
  const value = typed.trim()
  if (kind === 'number') return numberForm.test(value) ? { kind, value } : undefined
  if (kind === 'amount') return amountForm.test(value) ? { kind, value, currency } : undefined
  const [, hours, minutes] = /^([0-9]{1,2})[:.]?([0-9]{2})$/.exec(value) ?? []
  if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined
  return { kind, value: `${hours.padStart(2, '0')}:${minutes}` }
}

/** Latin digits, and the person's own where they differ. */
export function numberTexts(shown: Exclude<ShownNumber, SaidDate>, language: string): { latin: string; own?: string } {
  const latin = shown.kind === 'amount' ? `${shown.value} ${shown.currency}` : shown.value
  const system = digitsOf(language)
  if (system === 'latn') return { latin }
  const value = shown.kind === 'amount' ? shown.value.replace(/[.,]/, '٫') : shown.value
  const own = inDigits(value, system)
  return { latin, own: shown.kind === 'amount' ? `${own} ${shown.currency}` : own }
}

/** `12 Hamal 1380`, in the language of the page. */
export function ymdText(calendar: CalendarId, at: Ymd, language: string): string {
  if (calendar === 'gregorian') return dateText(asDate(at))
  return `${at.day} ${monthNames(calendar, i18n.locale, language)[at.month - 1]} ${at.year}`
}

const monthIn = (calendar: CalendarId, month: number, language: string): string =>
  calendar === 'gregorian'
    ? monthName(new Date(2001, month - 1, 1))
    : (monthNames(calendar, i18n.locale, language)[month - 1] ?? '')

/** What was said, no more exactly than it was said: `about spring 1380`. */
export function saidText(said: SaidDate, language: string): string {
  const { calendar, year, month, day, season } = said
  let text = String(year)
  if (season) text = t('aids.season_year', { season: t(`aids.season.${season}`), year: text })
  else if (month && day) text = ymdText(calendar, { year, month, day }, language)
  else if (month) text = `${monthIn(calendar, month, language)} ${year}`
  return said.about ? t('aids.about_date', { date: text }) : text
}

/** The same in the person's words and digits; undefined where we do not have them. */
export function ownSaidText(said: SaidDate, language: string): string | undefined {
  const system = digitsOf(language)
  if (system === 'latn') return undefined
  const { calendar, year, month, day, season } = said
  const names = ownMonthNames(calendar, language)
  if (!names) return undefined
  const parts = [
    said.about ? ownAboutWord(language) : '',
    season ? ownSeason(season, language) : '',
    day && month ? inDigits(String(day), system) : '',
    month ? (names[month - 1] ?? '') : '',
    inDigits(String(year), system),
  ]
  return parts.filter(Boolean).join(' ')
}

const ownYmd = (calendar: CalendarId, at: Ymd, language: string, system: DigitSystem): string | undefined => {
  const names = ownMonthNames(calendar, language)
  return names && inDigits(`${at.day} ${names[at.month - 1]} ${at.year}`, system)
}

export type Line = {
  calendar: CalendarId
  /** From, and to where it is a range. */
  from: string
  to?: string
  own?: string
  ownTo?: string
  within: number
}

function line(calendar: CalendarId, read: Reading, language: string): Line {
  const system = digitsOf(language)
  const own = system === 'latn' ? undefined : ownYmd(calendar, read.first, language, system)
  const ownTo = system === 'latn' || read.single ? undefined : ownYmd(calendar, read.last, language, system)
  return {
    calendar,
    from: ymdText(calendar, read.first, language),
    ...(read.single ? {} : { to: ymdText(calendar, read.last, language) }),
    ...(own ? { own } : {}),
    ...(ownTo ? { ownTo } : {}),
    within: read.within,
  }
}

/** The calendars that this person lives by, besides ours. */
export function theirCalendars(language: string): readonly CalendarId[] {
  if (isAfghan(language) || isIranian(language)) return ['gregorian', 'solar_hijri']
  return digitsOf(language) === 'arab' ? ['gregorian', 'hijri'] : ['gregorian', 'solar_hijri', 'hijri']
}

/** What a date means in the other calendars; `all`: also in those that are not the person's. */
export function lines(said: SaidDate, language: string, all = false): Line[] {
  const days = daysOf(said)
  const wanted: readonly CalendarId[] = all ? ['gregorian', 'solar_hijri', 'hijri'] : theirCalendars(language)
  return wanted.filter((one) => one !== said.calendar).map((one) => line(one, reading(days, one), language))
}

/** The first of the month of today in a calendar, to begin with. */
export const thisYear = (calendar: CalendarId, today: Date = new Date()): number =>
  ymd(calendar, dayOf('gregorian', today.getFullYear(), today.getMonth() + 1, today.getDate())).year

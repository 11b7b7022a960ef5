/**
 * Dates as people say them, in the Solar Hijri, the Hijri and the Gregorian calendar, as ranges of days: a year, a season or "about" is a
 * range, and what it means in another calendar is a range again. Pure; a day is its Julian day number. Never more exact than what was said.
 */
import { CalendarDate, GregorianCalendar, IslamicUmalquraCalendar, PersianCalendar } from '@internationalized/date'

export const calendars = ['gregorian', 'solar_hijri', 'hijri'] as const
export type CalendarId = (typeof calendars)[number]
export const seasons = ['spring', 'summer', 'autumn', 'winter', 'early_winter'] as const
export type Season = (typeof seasons)[number]
/** A date as it was said (docs/protocol.md, `room.number`). */
export type SaidDate = {
  kind: 'date'
  calendar: CalendarId
  year: number
  month?: number
  day?: number
  season?: Season
  about?: boolean
}
export type Ymd = { year: number; month: number; day: number }
/** From the first to the last day that may be meant. */
export type Days = { first: number; last: number }

const systems = {
  gregorian: new GregorianCalendar(),
  solar_hijri: new PersianCalendar(),
  hijri: new IslamicUmalquraCalendar(),
}
/** Years that can be said: those of people who live, and some more. The same limits stand in `signaling/aids/shapes.py`. */
export const years: Readonly<Record<CalendarId, readonly [number, number]>> = {
  gregorian: [1900, 2100],
  solar_hijri: [1279, 1478],
  hijri: [1318, 1523],
}
/** The lunar month begins when the new moon is seen, here and there on different evenings: the tables are an estimate. */
export const hijriSlack = 1
/** Before this year Afghanistan counted months of 29 to 32 days; the reckoning with the present lengths may be two days off. */
const evenMonthsSince = 1337
const unevenSlack = 2
/** How far "about" reaches on either side, in days; about a year: one year either side. */
const aboutDays = { day: 3, month: 31, season: 93 }

export const dayOf = (calendar: CalendarId, year: number, month: number, day: number): number =>
  systems[calendar].toJulianDay(new CalendarDate(systems[calendar], year, month, day))

export function ymd(calendar: CalendarId, day: number): Ymd {
  const { year, month, day: d } = systems[calendar].fromJulianDay(day)
  return { year, month, day: d }
}

export const monthDays = (calendar: CalendarId, year: number, month: number): number =>
  systems[calendar].getDaysInMonth(new CalendarDate(systems[calendar], year, month, 1))

/** First and last month and day of the Gregorian seasons, by either way of counting them (from the 1st, or from the solstice). */
const gregorianSeasons: Readonly<Record<Season, readonly [number, number, number, number, number]>> = {
  early_winter: [1, 1, 3, 21, 0],
  spring: [3, 1, 6, 22, 0],
  summer: [6, 1, 9, 23, 0],
  autumn: [9, 1, 12, 22, 0],
  winter: [12, 1, 3, 21, 1],
}
const solarSeasons: Readonly<Record<string, number>> = { spring: 1, summer: 4, autumn: 7, winter: 10 }

function plain({ calendar, year, month, day, season }: SaidDate): Days {
  if (season && calendar === 'gregorian') {
    const [m1, d1, m2, d2, on] = gregorianSeasons[season]
    return { first: dayOf(calendar, year, m1, d1), last: dayOf(calendar, year + on, m2, d2) }
  }
  const from = season ? (solarSeasons[season] ?? 1) : (month ?? 1)
  const to = season ? from + 2 : (month ?? 12)
  return {
    first: dayOf(calendar, year, from, day ?? 1),
    last: dayOf(calendar, year, to, day ?? monthDays(calendar, year, to)),
  }
}

/** Days by which the calendar itself is unsure. */
const slack = (calendar: CalendarId, year: number): number =>
  calendar === 'hijri' ? hijriSlack : calendar === 'solar_hijri' && year < evenMonthsSince ? unevenSlack : 0

/** All days that may be meant. */
export function daysOf(said: SaidDate): Days {
  let range = plain(said)
  if (said.about) {
    if (said.season || said.month) {
      const wide = said.season ? aboutDays.season : said.day ? aboutDays.day : aboutDays.month
      range = { first: range.first - wide, last: range.last + wide }
    } else {
      const { about: _, ...exact } = said
      range = { first: plain({ ...exact, year: said.year - 1 }).first, last: plain({ ...exact, year: said.year + 1 }).last }
    }
  }
  const unsure = slack(said.calendar, said.year)
  return { first: range.first - unsure, last: range.last + unsure }
}

export type Reading = {
  first: Ymd
  last: Ymd
  /** One day only is meant. */
  single: boolean
  /** The days are an estimate: a lunar date is true within one day, an early Solar Hijri one within two. */
  within: number
}

/** The days in another calendar; the ends as they are reckoned, with the days by which that calendar is unsure told apart. */
export function reading(days: Days, calendar: CalendarId): Reading {
  const first = ymd(calendar, days.first)
  return { first, last: ymd(calendar, days.last), single: days.first === days.last, within: slack(calendar, first.year) }
}

export type Fault = 'year' | 'day'
/** What is wrong with a date, if anything. */
export function faultOf({ calendar, year, month, day }: SaidDate): Fault | undefined {
  const [least, most] = years[calendar]
  if (!Number.isInteger(year) || year < least || year > most) return 'year'
  if (day !== undefined && month !== undefined && (day < 1 || day > monthDays(calendar, year, month))) return 'day'
  return undefined
}

const age = (born: Ymd, today: Ymd): number =>
  today.year - born.year - (today.month < born.month || (today.month === born.month && today.day < born.day) ? 1 : 0)

/** Full years from the dates to `today` (Julian day): for whoever was born on the last of the days, and on the first. */
export function ages(days: Days, today: number): { least: number; most: number } | undefined {
  if (days.first > today) return undefined
  const now = ymd('gregorian', today)
  return { least: Math.max(0, age(ymd('gregorian', days.last), now)), most: age(ymd('gregorian', days.first), now) }
}

/** Today by the clock of this machine. */
export function todayOf(date: Date = new Date()): number {
  return dayOf('gregorian', date.getFullYear(), date.getMonth() + 1, date.getDate())
}

/** A `Date` on that day, for the names of `i18n/dates`. */
export const asDate = ({ year, month, day }: Ymd): Date => new Date(year, month - 1, day, 12)

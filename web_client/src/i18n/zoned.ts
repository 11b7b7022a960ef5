/** Times and days of a named zone for people, whatever the device is set to; a zone that the browser does not know is taken for the device's. */
import { zones } from '../lib/zones'
import { zoneOffset } from '../ui/clock'
import { asDate, dateText, dayShort, dayText, two, type When } from './dates'
import { t } from './index.svelte'

const minute = 60_000

export class Zoned {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  #offset(at: Date): number {
    return (zoneOffset(this.name, at) ?? -at.getTimezoneOffset()) * minute
  }

  /** The clock and the day there, written as if they were UTC. */
  #there(when: When): Date {
    const at = asDate(when)
    return new Date(at.getTime() + this.#offset(at))
  }

  /** Whether clocks there show another time than the device. */
  differs(at: Date): boolean {
    return this.#offset(at) !== -at.getTimezoneOffset() * minute
  }

  /** Noon on this device of the day that it is there: only for names and keys of days. */
  day(when: When): Date {
    const there = this.#there(when)
    return new Date(there.getUTCFullYear(), there.getUTCMonth(), there.getUTCDate(), 12)
  }

  /** The instant at which calendars there show `2026-11-23` and clocks `09:45`. */
  instant(day: string, time: string): Date {
    const wall = Date.parse(`${day}T${time}:00Z`)
    // The offset that counts is the one of the instant that is looked for: around a switch the first guess may be off.
    const guess = new Date(wall - this.#offset(new Date(wall)))
    return new Date(wall - this.#offset(guess))
  }

  /** `14:05`. */
  time(when: When): string {
    return this.#there(when).toISOString().slice(11, 16)
  }

  /** `14:05:09`. */
  seconds(when: When): string {
    return this.#there(when).toISOString().slice(11, 19)
  }

  /** `2026-11-23`: the key of the day that it is there. */
  dayKey(when: When): string {
    return this.#there(when).toISOString().slice(0, 10)
  }

  /** The beginning of the day there, some days on. */
  midnight(when: When, ahead = 0): Date {
    const day = this.day(when)
    day.setDate(day.getDate() + ahead)
    return this.instant(`${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`, '00:00')
  }

  /** `14:05–15:05`. */
  span(from: When, to: When): string {
    return `${this.time(from)}–${this.time(to)}`
  }

  /** `21 November 2026`. */
  date(when: When): string {
    return dateText(this.day(when))
  }

  /** `Sat 21 Nov`. */
  dayShort(when: When): string {
    return dayShort(this.day(when))
  }

  /** `today`, `tomorrow`, else `Sat 21 Nov`. */
  dayText(when: When, now: Date = new Date()): string {
    return dayText(this.day(when), this.day(now))
  }

  /** `14:05` today, else `tomorrow, 14:05` or `Sat 21 Nov, 14:05`. */
  moment(when: When, now: Date = new Date()): string {
    if (this.day(when).getTime() === this.day(now).getTime()) return this.time(when)
    return t('day.at', { day: this.dayText(when, now), time: this.time(when) })
  }
}

const known = new Map<string, Zoned>()

/** The clocks of a country (`RS`, `MK`): what a case, a booking, a roster or a talk is told by, whatever the device is set to. */
export function clocksOf(country: string): Zoned {
  const found = known.get(country) ?? new Zoned((zones as Readonly<Record<string, string>>)[country] ?? zones.RS)
  known.set(country, found)
  return found
}

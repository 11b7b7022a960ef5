import { describe, expect, it } from 'vitest'
import {
  ages,
  type CalendarId,
  calendars,
  dayOf,
  daysOf,
  faultOf,
  monthDays,
  reading,
  type SaidDate,
  seasons,
  ymd,
} from './calendars'

const iso = (day: number) => {
  const { year, month, day: d } = ymd('gregorian', day)
  return `${year}-${String(month).padStart(2, '0')}-${String(d).padStart(2, '0')}`
}
const said = (calendar: CalendarId, year: number, more: Partial<SaidDate> = {}): SaidDate => ({
  kind: 'date',
  calendar,
  year,
  ...more,
})

/** The March equinox, days in Terrestrial Time (Meeus, Astronomical Algorithms, tables 27.B and 27.C): knows nothing of calendars. */
function equinox(year: number): number {
  const y = (year - 2000) / 1000
  const mean = 2451623.80984 + 365242.37404 * y + 0.05169 * y ** 2 - 0.00411 * y ** 3 - 0.00057 * y ** 4
  const t = (mean - 2451545) / 36525
  const rad = Math.PI / 180
  const w = (35999.373 * t - 2.47) * rad
  const lambda = 1 + 0.0334 * Math.cos(w) + 0.0007 * Math.cos(2 * w)
  const terms = [
    [485, 324.96, 1934.136],
    [203, 337.23, 32964.467],
    [199, 342.08, 20.186],
    [182, 27.85, 445267.112],
    [156, 73.14, 45036.886],
    [136, 171.52, 22518.443],
    [77, 222.54, 65928.934],
    [74, 296.72, 3034.906],
    [70, 243.58, 9037.513],
    [58, 119.81, 33718.147],
    [52, 297.17, 150.678],
    [50, 21.02, 2281.226],
    [45, 247.54, 29929.562],
    [44, 325.15, 31555.956],
    [29, 60.93, 4443.417],
    [18, 155.12, 67555.328],
    [17, 288.79, 4562.452],
    [16, 198.04, 62894.029],
    [14, 199.76, 31436.921],
    [12, 95.39, 14577.848],
    [12, 287.11, 31931.756],
    [12, 320.81, 34777.259],
    [9, 227.73, 1222.114],
    [8, 15.45, 16859.074],
  ] as const
  const sum = terms.reduce((all, [a, b, c]) => all + a * Math.cos((b + c * t) * rad), 0)
  return mean + (0.00001 * sum) / lambda
}
/** Nowruz is the day of the equinox when that comes before noon in Tehran (3.5 h before Greenwich), else the next day. */
function nowruz(year: number): { day: number; margin: number } {
  const deltaT = year < 1950 ? 27 : year < 2000 ? 50 : 70 // seconds; the year's own value is within 20 s of it
  const local = equinox(year) - deltaT / 86400 + 3.5 / 24
  const noon = Math.floor(local) // a Julian day begins at noon
  // Julian day number N is the civil day whose noon is N.0: before noon the equinox belongs to N = floor(local) + 1.
  return { day: noon + 1, margin: Math.min(local - noon, noon + 1 - local) * 24 * 60 }
}

describe('Solar Hijri', () => {
  it('begins every year from 1300 to 1450 on the day that the equinox gives', () => {
    for (let year = 1300; year <= 1450; year++) {
      const found = nowruz(year + 621)
      if (found.margin < 2) {
        // The equinox of 1930 fell within a minute of noon: only the published calendar decides (the leap years below).
        expect(year).toBe(1309)
        continue
      }
      expect(iso(dayOf('solar_hijri', year, 1, 1)), String(year)).toBe(iso(found.day))
    }
  })
  it('has the published leap years', () => {
    const leap = [
      1309, 1313, 1317, 1321, 1325, 1329, 1333, 1337, 1342, 1346, 1350, 1354, 1358, 1362, 1366, 1370, 1375, 1379, 1383, 1387,
      1391, 1395, 1399, 1403, 1408, 1412,
    ]
    for (let year = 1309; year <= 1412; year++)
      expect(monthDays('solar_hijri', year, 12), String(year)).toBe(leap.includes(year) ? 30 : 29)
  })
  it('turns on both switch days', () => {
    expect(iso(dayOf('solar_hijri', 1403, 12, 30))).toBe('2025-03-20')
    expect(iso(dayOf('solar_hijri', 1404, 1, 1))).toBe('2025-03-21')
    expect(iso(dayOf('solar_hijri', 1402, 12, 29))).toBe('2024-03-19')
    expect(iso(dayOf('solar_hijri', 1403, 1, 1))).toBe('2024-03-20')
    expect(ymd('solar_hijri', dayOf('gregorian', 2001, 3, 20))).toEqual({ year: 1379, month: 12, day: 30 })
    expect(ymd('solar_hijri', dayOf('gregorian', 2001, 3, 21))).toEqual({ year: 1380, month: 1, day: 1 })
  })
  it('agrees with the calendar of the machine over a hundred years', () => {
    const format = new Intl.DateTimeFormat('en-u-ca-persian-nu-latn', {
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      timeZone: 'UTC',
    })
    for (let day = dayOf('gregorian', 1940, 1, 1); day < dayOf('gregorian', 2040, 1, 1); day += 29) {
      const g = ymd('gregorian', day)
      const parts = Object.fromEntries(format.formatToParts(Date.UTC(g.year, g.month - 1, g.day)).map((p) => [p.type, p.value]))
      expect(ymd('solar_hijri', day)).toEqual({ year: Number(parts.year), month: Number(parts.month), day: Number(parts.day) })
    }
  })
})

describe('Hijri', () => {
  it('agrees with Umm al-Qura of the machine', () => {
    const format = new Intl.DateTimeFormat('en-u-ca-islamic-umalqura-nu-latn', {
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      timeZone: 'UTC',
    })
    for (let day = dayOf('gregorian', 1940, 1, 1); day < dayOf('gregorian', 2040, 1, 1); day += 31) {
      const g = ymd('gregorian', day)
      const parts = Object.fromEntries(format.formatToParts(Date.UTC(g.year, g.month - 1, g.day)).map((p) => [p.type, p.value]))
      expect(ymd('hijri', day)).toEqual({ year: Number(parts.year), month: Number(parts.month), day: Number(parts.day) })
    }
  })
  it('is never said more exactly than within a day', () => {
    const days = daysOf(said('hijri', 1445, { month: 9, day: 1 }))
    expect([iso(days.first), iso(days.last)]).toEqual(['2024-03-10', '2024-03-12'])
    expect(reading(days, 'gregorian').single).toBe(false)
    expect(reading(daysOf(said('gregorian', 2024, { month: 3, day: 11 })), 'hijri')).toMatchObject({
      first: { year: 1445, month: 9, day: 1 },
      within: 1,
    })
  })
})

describe('what was said', () => {
  it('is a range: a year, a season, a month, a day', () => {
    const range = (one: SaidDate) => {
      const d = daysOf(one)
      return `${iso(d.first)}..${iso(d.last)}`
    }
    expect(range(said('solar_hijri', 1380))).toBe('2001-03-21..2002-03-20')
    expect(range(said('solar_hijri', 1380, { season: 'spring' }))).toBe('2001-03-21..2001-06-21')
    expect(range(said('solar_hijri', 1380, { season: 'winter' }))).toBe('2001-12-22..2002-03-20')
    expect(range(said('solar_hijri', 1380, { month: 1 }))).toBe('2001-03-21..2001-04-20')
    expect(range(said('solar_hijri', 1380, { month: 1, day: 12 }))).toBe('2001-04-01..2001-04-01')
    expect(range(said('solar_hijri', 1380, { about: true }))).toBe('2000-03-20..2003-03-20')
    expect(range(said('gregorian', 2014, { season: 'winter' }))).toBe('2014-12-01..2015-03-21')
    expect(range(said('gregorian', 2014, { season: 'early_winter' }))).toBe('2014-01-01..2014-03-21')
    expect(range(said('gregorian', 2014, { month: 3, day: 12, about: true }))).toBe('2014-03-09..2014-03-15')
  })
  it('is unsure by two days before the months had fixed lengths', () => {
    const days = daysOf(said('solar_hijri', 1330, { month: 6, day: 1 }))
    expect(days.last - days.first).toBe(4)
  })
  it('gives the age as a range', () => {
    const today = dayOf('gregorian', 2026, 11, 22)
    expect(ages(daysOf(said('solar_hijri', 1380)), today)).toEqual({ least: 24, most: 25 })
    expect(ages(daysOf(said('gregorian', 2008, { month: 11, day: 22 })), today)).toEqual({ least: 18, most: 18 })
    expect(ages(daysOf(said('gregorian', 2008, { month: 11, day: 23 })), today)).toEqual({ least: 17, most: 17 })
    expect(ages(daysOf(said('gregorian', 2030)), today)).toBeUndefined()
    expect(ages(daysOf(said('gregorian', 2026)), today)).toEqual({ least: 0, most: 0 })
  })
  it('knows what is no date', () => {
    expect(faultOf(said('solar_hijri', 1402, { month: 12, day: 30 }))).toBe('day')
    expect(faultOf(said('solar_hijri', 1403, { month: 12, day: 30 }))).toBeUndefined()
    expect(faultOf(said('gregorian', 1380))).toBe('year')
    expect(faultOf(said('hijri', Number.NaN))).toBe('year')
  })
})

/** A small generator with a seed: the same run each time, many different dates. */
function* chance(seed: number): Generator<number> {
  let state = seed
  while (true) {
    state = (state * 1103515245 + 12345) % 2147483648
    yield state / 2147483648
  }
}

describe('for any date', () => {
  const dice = chance(20261122)
  const roll = (from: number, to: number) => from + Math.floor((dice.next().value as number) * (to - from + 1))

  it('goes there and back', () => {
    for (let n = 0; n < 1000; n++) {
      const day = roll(dayOf('gregorian', 1922, 1, 1), dayOf('gregorian', 2070, 1, 1))
      for (const calendar of calendars) {
        const there = ymd(calendar, day)
        expect(dayOf(calendar, there.year, there.month, there.day)).toBe(day)
      }
    }
  })
  it('whatever less exact thing is said of it, the truth lies in every range', () => {
    for (let n = 0; n < 400; n++) {
      const day = roll(dayOf('gregorian', 1935, 1, 1), dayOf('gregorian', 2030, 1, 1))
      for (const calendar of calendars) {
        const { year, month, day: d } = ymd(calendar, day)
        const ways: SaidDate[] = [said(calendar, year), said(calendar, year, { month }), said(calendar, year, { month, day: d })]
        if (calendar === 'solar_hijri')
          ways.push(said(calendar, year, { season: seasons[Math.floor((month - 1) / 3)] ?? 'spring' }))
        ways.push(...ways.map((one) => ({ ...one, about: true })), said(calendar, year + roll(-1, 1), { about: true }))
        for (const one of ways) {
          const range = daysOf(one)
          expect(range.first <= day && day <= range.last, JSON.stringify(one)).toBe(true)
          for (const other of calendars) {
            const { first, last } = reading(range, other)
            expect(dayOf(other, first.year, first.month, first.day) <= day).toBe(true)
            expect(dayOf(other, last.year, last.month, last.day) >= day).toBe(true)
          }
        }
      }
    }
  })
})

/** Rosters as what is drawn: stretches without cover, lanes, places of bars, moves. Pure; no texts. */
import type { Gap, Kind, Move, Person, RosterRow, RosterView, Stretch } from './types'

export type Zoom = 'day' | 'week' | 'period'
const wholeDay = 1440

/** Neighbouring gaps of one line and day joined, so that one stretch is one bar. */
export function stretches(gaps: readonly Gap[]): Stretch[] {
  const found: Stretch[] = []
  const sorted = [...gaps].sort(
    (a, b) => a.line.localeCompare(b.line) || Number(a.women) - Number(b.women) || a.day - b.day || a.start - b.start,
  )
  for (const gap of sorted) {
    const last = found.at(-1)
    const minutes = (gap.end - gap.start) * gap.missing
    if (last && last.line === gap.line && last.women === gap.women && last.day === gap.day && last.end === gap.start) {
      last.end = gap.end
      last.missing = Math.max(last.missing, gap.missing)
      last.minutes += minutes
    } else
      found.push({
        line: gap.line,
        day: gap.day,
        start: gap.start,
        end: gap.end,
        missing: gap.missing,
        women: gap.women,
        minutes,
      })
  }
  return found
}

/** Stretches by line, the line that lacks most first. */
export function gapLines(list: readonly Stretch[]): { line: string; minutes: number; stretches: Stretch[] }[] {
  const by = new Map<string, Stretch[]>()
  for (const one of list) by.set(one.line, [...(by.get(one.line) ?? []), one])
  return [...by]
    .map(([line, mine]) => ({ line, minutes: mine.reduce((n, one) => n + one.minutes, 0), stretches: mine }))
    .sort((a, b) => b.minutes - a.minutes || a.line.localeCompare(b.line))
}

/** The first free lane for each span, in the order given; a span is drawn at least `least` long, and not beyond `limit`. */
export function lanes<T extends { start: number; end: number }>(
  spans: readonly T[],
  least: number,
  limit = Number.POSITIVE_INFINITY,
): { span: T; start: number; end: number; lane: number }[] {
  const ends: number[] = []
  return [...spans]
    .sort((a, b) => a.start - b.start || a.end - b.end)
    .map((span) => {
      const length = Math.max(least, span.end - span.start)
      const start = Math.max(0, Math.min(span.start, limit - length))
      const free = ends.findIndex((end) => end <= start)
      const lane = free < 0 ? ends.length : free
      ends[lane] = start + length
      return { span, start, end: start + length, lane }
    })
}

/** Days that are shown: from `day` on, as many as the zoom takes. */
export function span(roster: Pick<RosterView, 'days'>, zoom: Zoom, day: number): { from: number; to: number } {
  if (zoom === 'period') return { from: 0, to: roster.days }
  const from = zoom === 'week' ? Math.floor(day / 7) * 7 : day
  return { from, to: Math.min(roster.days, from + (zoom === 'week' ? 7 : 1)) }
}

/** Which day of a roster a calendar day (`2026-11-23`) is; undefined when it lies outside. */
export function dayIn(roster: Pick<RosterView, 'starts_on' | 'days'>, day: string): number | undefined {
  const found = Array.from({ length: roster.days }, (_, n) => isoDay(dateOf(roster.starts_on, n))).indexOf(day)
  return found < 0 ? undefined : found
}

/** What is opened unasked: the roster that people work by on that day, else any of that day, else the newest. */
export function opened<T extends Pick<RosterRow, 'starts_on' | 'days' | 'state'>>(
  rows: readonly T[],
  day: string,
): T | undefined {
  const now = rows.filter((one) => dayIn(one, day) !== undefined)
  return now.find((one) => one.state === 'published') ?? now[0] ?? rows[0]
}

/** The calendar day (noon here, for its names only) of a day of the roster. */
export function dateOf(startsOn: string, day: number): Date {
  const [y, m, d] = startsOn.split('-').map(Number)
  return new Date(y ?? 2000, (m ?? 1) - 1, (d ?? 1) + day, 12)
}

/** `2026-11-23` of a date of this machine. */
export const isoDay = (d: Date): string =>
  `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`

/** The Monday after a day, or (`same`) the Monday of its week. */
export function monday(from: Date, same = false): string {
  const ahead = (from.getDay() + 6) % 7
  return isoDay(new Date(from.getFullYear(), from.getMonth(), from.getDate() + (same ? 0 : 7) - ahead, 12))
}

/** `06:00`; minutes of the next day count from midnight again, the end of a day is `24:00`. */
export function clock(minute: number, end = false): string {
  const at = end && minute === wholeDay ? wholeDay : minute % wholeDay
  return `${String(Math.floor(at / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}`
}

/** `06–14`, minutes only where there are some. */
export function hours(start: number, end: number): string {
  const brief = (text: string) => (text.endsWith(':00') ? text.slice(0, 2) : text)
  return `${brief(clock(start))}–${brief(clock(end, true))}`
}

/** How a kind is drawn. */
export const look = (kind: Pick<Kind, 'on_call' | 'night'>): 'desk' | 'on_call' | 'night' =>
  kind.on_call ? 'on_call' : kind.night ? 'night' : 'desk'

/** Shifts that would cover a stretch, the one that covers most first: of the day itself, and nights of the day before. */
export function fills(kinds: readonly Kind[], gap: Stretch): { day: number; kind: Kind; minutes: number }[] {
  const found: { day: number; kind: Kind; minutes: number }[] = []
  for (const kind of kinds) {
    if (kind.line !== gap.line) continue
    for (const before of [0, 1]) {
      const start = kind.start - before * wholeDay
      const minutes = Math.min(gap.end, start + kind.length) - Math.max(gap.start, start)
      if (minutes > 0 && gap.day - before >= 0) found.push({ day: gap.day - before, kind, minutes })
    }
  }
  return found.sort(
    (a, b) => b.minutes - a.minutes || a.kind.length - b.kind.length || Number(a.kind.on_call) - Number(b.kind.on_call),
  )
}

/** The next kind of the same line by its start: `by` 1 later, -1 earlier. */
export function neighbour(kinds: readonly Kind[], kind: Kind, by: number): Kind | undefined {
  const same = kinds.filter((one) => one.line === kind.line).sort((a, b) => a.start - b.start || a.length - b.length)
  return same[same.findIndex((one) => one.id === kind.id) + by]
}

/** The kind of the same line that starts nearest to `minute`. */
export function nearest(kinds: readonly Kind[], kind: Kind, minute: number): Kind {
  const far = (one: Kind) =>
    Math.abs(one.start - minute) * 4 + (one.on_call === kind.on_call ? 0 : 1) + Math.abs(one.length - kind.length) / wholeDay
  return kinds.filter((one) => one.line === kind.line).reduce((best, one) => (far(one) < far(best) ? one : best), kind)
}

/** The two cells of a moved shift; undefined when nothing moves, 'taken' when somebody works there already. */
export function move(
  people: readonly Person[],
  from: { person: string; day: number },
  to: { person: string; day: number; kind: string },
): Move[] | 'taken' | undefined {
  const kind = people.find((p) => p.id === from.person)?.cells[from.day]
  if (!kind) return undefined
  const same = from.person === to.person && from.day === to.day
  if (same && kind === to.kind) return undefined
  if (!same && people.find((p) => p.id === to.person)?.cells[to.day]) return 'taken'
  const put = { interpreter_id: to.person, day: to.day, kind: to.kind }
  return same ? [put] : [{ interpreter_id: from.person, day: from.day, kind: null }, put]
}

/** Cells that differ between two states of a roster. */
export function differing(before: RosterView, after: RosterView): { person: string; day: number }[] {
  const old = new Map(before.people.map((one) => [one.id, one.cells]))
  return after.people.flatMap(({ id, cells }) =>
    cells.flatMap((kind, day) => (kind === (old.get(id)?.[day] ?? null) ? [] : [{ person: id, day }])),
  )
}

/** Whether moves that were meant for one state still mean the same in another: the cells that they touch are as they were. */
export function stillMeant(before: RosterView, after: RosterView, moves: readonly Move[]): boolean {
  const cell = (of: RosterView, at: Move) => of.people.find((one) => one.id === at.interpreter_id)?.cells[at.day]
  return moves.every((one) => cell(after, one) !== undefined && cell(before, one) === cell(after, one))
}

/** The roster as it will be when the server agrees. */
export function moved(roster: RosterView, moves: readonly Move[]): RosterView {
  const people = roster.people.map((person) => {
    const mine = moves.filter((one) => one.interpreter_id === person.id)
    if (mine.length === 0) return person
    const cells = [...person.cells]
    for (const one of mine) cells[one.day] = one.kind
    return { ...person, cells }
  })
  return { ...roster, people }
}

/**
 * The cells of the people in the grid. They are copies of a few prototypes instead of a template's: a hundred people with fifteen hundred
 * shifts have to appear at once, and a template would keep an effect for each of thousands of cells. A row that is drawn again changes
 * only the cells that differ, so that the focus, a carried shift and what a screen reader stands on survive news from elsewhere.
 */
import { languageName } from '../api/catalogue.svelte'
import { t } from '../i18n/index.svelte'
import { icons } from '../ui/icons'
import { hours, look, type Zoom } from './model'
import type { Kind, Person } from './types'
import { kindText, ruleText } from './words'

export type Day = { day: number; name: string }
type Drawn = { kind: Kind; said: string; line: string; shift: HTMLElement; rest: HTMLElement }
/** What all rows of one view share: its days, and how each kind looks there. Another sheet draws the rows anew. */
export type Sheet = { days: readonly Day[]; zoom: Zoom; kinds: ReadonlyMap<string, Drawn>; free: HTMLElement }
type Content = { kind: Drawn | undefined; bar: string | undefined; pinned: boolean; late: Drawn | undefined }

const wholeDay = 1440
/** Where a shift stands within its day and how long it is; in the whole period a day is one bar. */
export const place = (zoom: Zoom, start: number, length: number): string =>
  zoom === 'period' ? '' : `--at:${start / 14.4}%;--long:${length / 14.4}%`

function made(tag: string, className: string, attributes: Record<string, string> = {}): HTMLElement {
  const element = document.createElement(tag)
  element.className = className
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}
function lock(): Element {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('class', 'i')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  svg.innerHTML = icons.lock
  return svg
}

export function sheet(kinds: readonly Kind[], days: readonly Day[], zoom: Zoom): Sheet {
  const drawn = kinds.map((kind): [string, Drawn] => {
    const shift = made('div', 'cell', { role: 'gridcell' })
    const style = place(zoom, kind.start, kind.length)
    const brief = hours(kind.start, kind.start + kind.length)
    shift.append(made('button', `sh ${look(kind)}`, { type: 'button', tabindex: '-1', style, 'data-hours': brief }))
    const rest = made('i', `sh rest ${look(kind)}`, { style: place(zoom, 0, kind.start + kind.length - wholeDay) })
    return [kind.id, { kind, said: kindText(kind), line: languageName(kind.line), shift, rest }]
  })
  return { days, zoom, kinds: new Map(drawn), free: made('div', 'cell', { role: 'gridcell', tabindex: '-1' }) }
}

/** One cell with its name for those who do not see it. */
function cell(person: Person, day: Day, { kind, bar, pinned, late }: Content, { zoom, free }: Sheet): HTMLElement {
  const slots = { code: person.code, day: day.name }
  const one = (kind ? kind.shift : free).cloneNode(true) as HTMLElement
  const stop = kind ? (one.firstElementChild as HTMLElement) : one
  one.dataset.day = stop.dataset.stop = String(day.day)
  if (kind) {
    const named = { ...slots, kind: kind.said, line: kind.line }
    stop.setAttribute('aria-label', pinned ? t('roster.shift.name_pinned', named) : t('roster.shift.name', named))
    if (pinned) stop.append(lock())
    return one
  }
  if (bar) {
    const rule = ruleText(bar)
    const mark = made('span', 'barred', { 'aria-hidden': 'true' })
    if (zoom !== 'period') mark.textContent = rule
    one.append(mark)
    one.setAttribute('aria-label', t('roster.cell.barred', { ...slots, rule }))
    return one
  }
  one.setAttribute('aria-label', t('roster.cell.free', slots))
  if (pinned) {
    const mark = made('span', 'fixed')
    mark.append(lock())
    one.append(mark)
  }
  if (late) one.append(late.rest.cloneNode())
  return one
}

/** What stands in the cells of a row. A shift of the evening before reaches into the first one. */
function contents(person: Person, { days, zoom, kinds }: Sheet): Content[] {
  const bars = new Map(person.bars.map((one) => [one.day, one.rule]))
  const pins = new Set(person.pins)
  return days.map(({ day }, n) => {
    const before = n === 0 && zoom !== 'period' ? kinds.get(person.cells[day - 1] ?? '') : undefined
    return {
      kind: kinds.get(person.cells[day] ?? ''),
      bar: bars.get(day),
      pinned: pins.has(day),
      late: before && before.kind.start + before.kind.length > wholeDay ? before : undefined,
    }
  })
}
const same = (a: Content | undefined, b: Content): boolean =>
  a !== undefined && a.kind === b.kind && a.bar === b.bar && a.pinned === b.pinned && a.late === b.late

type Row = { sheet: Sheet; contents: Content[]; cells: HTMLElement[] }
const rows = new WeakMap<HTMLElement, Row>()

/** Rows that are drawn at once: a screenful from the first one in view. */
const atOnce = 16
const rowPx = 50
const perTask = 42
/** What waits for the first paint, in the order of the rows. */
let waiting: (() => void)[] = []
let scheduled = false

function drain() {
  scheduled = false
  for (const draw of waiting.splice(0, perTask)) draw()
  if (waiting.length > 0) schedule()
}
function schedule() {
  if (scheduled) return
  scheduled = true
  requestAnimationFrame(() => setTimeout(drain))
}

/**
 * Draws the row of the `n`th person: at once what is in view (the grid is scrolled by `scrolled` px) or drawn already, the rest after the
 * first paint, some rows between two frames. Returns what calls that off.
 */
export function drawSoon(row: HTMLElement, person: Person, now: Sheet, n: number, scrolled: number): () => void {
  const ahead = n - Math.floor(scrolled / rowPx)
  const draw = () => drawRow(row, person, now)
  if (rows.get(row)?.sheet === now || (ahead >= -2 && ahead < atOnce)) {
    draw()
    return () => undefined
  }
  waiting.push(draw)
  schedule()
  return () => {
    waiting = waiting.filter((one) => one !== draw)
  }
}

/** Draws the cells of a person after what stands in `row` already, or those that differ from what was drawn there before. */
function drawRow(row: HTMLElement, person: Person, now: Sheet): void {
  const known = rows.get(row)
  const found = contents(person, now)
  if (!known || known.sheet !== now) {
    const cells = found.map((one, n) => cell(person, now.days[n] as Day, one, now))
    for (const old of known?.cells ?? []) old.remove()
    row.append(...cells)
    rows.set(row, { sheet: now, contents: found, cells })
    return
  }
  for (const [n, one] of found.entries()) {
    if (same(known.contents[n], one)) continue
    const old = known.cells[n] as HTMLElement
    const fresh = cell(person, now.days[n] as Day, one, now)
    const focused = old.contains(document.activeElement)
    const reached = old.matches('[tabindex="0"]') || old.querySelector('[tabindex="0"]') !== null
    old.replaceWith(fresh)
    known.cells[n] = fresh
    const stop = fresh.matches('[data-stop]') ? fresh : fresh.querySelector<HTMLElement>('[data-stop]')
    if (reached && stop) stop.tabIndex = 0
    if (focused) stop?.focus()
  }
  known.contents = found
}

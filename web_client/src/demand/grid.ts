/** Half-hours of the cover joined to hours and days, and what a cell means. No texts and no drawing here. */
import type { Zoned } from '../i18n/zoned'
import type { Cover, CoverRow } from './types'

export type Tone = 'enough' | 'tight' | 'gap' | 'idle'
export type Cell = {
  /** First half-hour of the cell in the grid. */
  at: number
  needed: number
  planned: number
  onCall: number
  women: number
  short: number
  expected: number
  high: number
  why: string[]
}
export type DayCell = { from: number; to: number; hours: number; worst: number }

/** The half-hours [from, to) of one language as one cell: the most that is needed, the least that is planned. */
export function joined(row: CoverRow, from: number, to: number): Cell {
  const part = (list: readonly number[]) => list.slice(from, to)
  const sum = (list: readonly number[]) => part(list).reduce((a, b) => a + b, 0)
  return {
    at: from,
    needed: Math.max(0, ...part(row.needed)),
    planned: Math.min(...part(row.planned)),
    onCall: Math.max(0, ...part(row.on_call)),
    women: Math.min(...part(row.women)),
    short: Math.max(0, ...part(row.short)),
    expected: sum(row.expected),
    high: sum(row.high),
    why: [...new Set(row.why.slice(from, to).flatMap((w) => w.split(' ').filter(Boolean)))],
  }
}

/** Cells of `size` half-hours, aligned to the grid's beginning. */
export function cells(row: CoverRow, size: number): Cell[] {
  const found: Cell[] = []
  for (let at = 0; at < row.needed.length; at += size) found.push(joined(row, at, Math.min(at + size, row.needed.length)))
  return found
}

export function tone(cell: { short: number; needed: number; planned: number }): Tone {
  if (cell.short > 0) return 'gap'
  if (cell.needed === 0 && cell.planned === 0) return 'idle'
  return cell.planned === cell.needed ? 'tight' : 'enough'
}

/** Numbers of the half-hours at which a new day begins by the clocks of the country, with the end of the grid. */
export function dayEdges(starts: readonly string[], zone: Zoned): number[] {
  const edges: number[] = []
  let before = ''
  for (const [number, at] of starts.entries()) {
    const day = zone.dayKey(at)
    if (day !== before) edges.push(number)
    before = day
  }
  return [...edges, starts.length]
}

/** For one language and day: hours in which somebody is missing, and how many at worst. */
export function dayCells(cover: Cover, row: CoverRow, zone: Zoned): DayCell[] {
  const edges = dayEdges(cover.starts, zone)
  return edges.slice(0, -1).map((from, n) => {
    const to = edges[n + 1] ?? from
    const short = row.short.slice(from, to)
    return { from, to, hours: short.filter((s) => s > 0).length / 2, worst: Math.max(0, ...short) }
  })
}

/** Where an arrow leads in a grid of `rows` x `columns`; undefined for other keys. */
export function moved(
  key: string,
  row: number,
  column: number,
  rows: number,
  columns: number,
  rtl: boolean,
): [number, number] | undefined {
  const ahead = rtl ? -1 : 1
  const to: Record<string, [number, number]> = {
    ArrowRight: [row, column + ahead],
    ArrowLeft: [row, column - ahead],
    ArrowDown: [row + 1, column],
    ArrowUp: [row - 1, column],
    Home: [row, 0],
    End: [row, columns - 1],
  }
  const wish = to[key]
  if (!wish) return undefined
  return [Math.min(rows - 1, Math.max(0, wish[0])), Math.min(columns - 1, Math.max(0, wish[1]))]
}

/** Sentences of cover and plans that several parts of the pages say. */
import { languageName } from '../api/catalogue.svelte'
import { byCode, t } from '../i18n/index.svelte'
import type { Zoned } from '../i18n/zoned'
import type { Cell } from './grid'

/** A number with at most one place after the comma. */
export const short = (n: number): string => String(Math.round(n * 10) / 10)

/** The full sentence of a cell, by the clocks of the country: what a screen reader says, and what the panel shows. */
export function cellText(language: string, at: string, cell: Cell, zone: Zoned): string {
  const parts = [
    t('demand.cell', {
      language: languageName(language),
      day: zone.dayShort(at),
      time: zone.time(at),
      planned: cell.planned,
      needed: cell.needed,
    }),
    cell.short > 0 ? t('demand.short', { n: cell.short }) : '',
    ...cell.why.map((code) => byCode('demand.why', code)),
    cell.onCall > 0 ? t('demand.on_call', { n: cell.onCall }) : '',
  ]
  return parts.filter(Boolean).join(' ')
}

/** A wait of a plan in words; none: so many gave up that it is over the longest wait. */
export function waitText(seconds: number | null, patience: number): string {
  if (seconds === null) return t('demand.what.over', { n: patience })
  const whole = Math.round(seconds)
  return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`
}

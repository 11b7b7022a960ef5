import type { Cost } from './types'

/** Prices come in thousandths of the currency; carriers write three digits, so two to three are shown. */
export function priceText(cost: Pick<Cost, 'currency' | 'minor'>, locale: string): string {
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: cost.currency,
    currencyDisplay: 'code',
    minimumFractionDigits: 2,
    maximumFractionDigits: 3,
  }).format(cost.minor / 1000)
}

/** Numbers for people: grouped and parted in the manner of the language, Western digits. */
import { own, tag } from './dates'
import { i18n } from './index.svelte'
import type { Locale } from './locales'

/** `12,340` in the manner of the locale, Western digits. */
export function numberText(n: number, locale: Locale = i18n.locale): string {
  if (!own[locale]) return new Intl.NumberFormat(tag(locale)).format(n)
  const [whole, part] = String(n).split('.')
  const grouped = (whole ?? '').replace(/\B(?=(\d{3})+$)/g, locale === 'sq' ? '\u00a0' : '.')
  return part ? `${grouped},${part}` : grouped
}

/** The eight languages of the screens: tag, own name in own script, direction. No flags, no order of importance but the countries'. */

export const locales = [
  { tag: 'sr-Cyrl', name: 'Српски', dir: 'ltr' },
  { tag: 'sr-Latn', name: 'Srpski', dir: 'ltr' },
  { tag: 'mk', name: 'Македонски', dir: 'ltr' },
  { tag: 'sq', name: 'Shqip', dir: 'ltr' },
  { tag: 'en', name: 'English', dir: 'ltr' },
  { tag: 'ar', name: 'العربية', dir: 'rtl' },
  { tag: 'fa', name: 'فارسی', dir: 'rtl' },
  { tag: 'ps', name: 'پښتو', dir: 'rtl' },
] as const

export type Locale = (typeof locales)[number]['tag']
export type Direction = 'ltr' | 'rtl'

export const isLocale = (tag: string): tag is Locale => locales.some((l) => l.tag === tag)
export const directionOf = (locale: Locale): Direction => locales.find((l) => l.tag === locale)?.dir ?? 'ltr'

/** The best of our locales for a list of wishes such as `navigator.languages`; `sr` alone and Bosnian mean Serbian in its own script. */
export function choose(wishes: readonly string[]): Locale {
  for (const wish of wishes) {
    if (isLocale(wish)) return wish
    const parts = wish.toLowerCase().split('-')
    if (parts[0] === 'sr') return parts.includes('latn') || parts.includes('me') ? 'sr-Latn' : 'sr-Cyrl'
    if (parts[0] === 'bs' || parts[0] === 'hr') return 'sr-Latn'
    if (parts[0] === 'prs') return 'fa'
    const same = locales.find((l) => l.tag === parts[0])
    if (same) return same.tag
  }
  return 'en'
}

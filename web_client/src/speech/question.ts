/** The question about a draft transcript in the language of the person who is asked, whatever the page is in. */
import { digitsOf, tagOf } from '../aids/digits'
import { type Direction, directionOf, isLocale, type Locale } from '../i18n/locales'

export type Question = { locale: Locale; dir: Direction; title: string; text: string }
const own: Readonly<Record<string, Locale>> = {
  srp: 'sr-Cyrl',
  bos: 'sr-Latn',
  hrv: 'sr-Latn',
  cnr: 'sr-Latn',
  mkd: 'mk',
  sqi: 'sq',
  eng: 'en',
}

/** Our language that somebody who speaks this one (ISO 639-3) is addressed in, if there is one: Dari in Persian as in the tablet. */
export function localeOf(language: string): Locale | undefined {
  const short = tagOf(language)
  const tag = own[language] ?? (short === 'fa-AF' ? 'fa' : digitsOf(language) === 'arab' && short !== 'ckb' ? 'ar' : short)
  return isLocale(tag) ? tag : undefined
}

/** The words in that language, or nothing: then the interpreter says them. Rejects when they cannot be fetched. */
export async function inLanguage(language: string): Promise<Question | undefined> {
  const locale = localeOf(language)
  if (!locale) return undefined
  const areas = await import('virtual:texts-areas')
  const texts = (await areas.default[locale]?.speech())?.default
  const title = texts?.['speech.tablet.question']
  const text = texts?.['speech.tablet.text']
  return title && text ? { locale, dir: directionOf(locale), title, text } : undefined
}

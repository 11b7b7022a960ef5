/** Digits as the languages write them. A number is typed and sent in Latin digits and shown in both. Pure. */

export type DigitSystem = 'latn' | 'arab' | 'arabext'
const zero: Readonly<Record<DigitSystem, number>> = { latn: 0x30, arab: 0x660, arabext: 0x6f0 }
/** Arabic varieties of the west write Latin digits; the eastern ones are shown to them too, as everybody learns them with the script. */
const arab = 'ara arb apc acm ayp afb ars acw arz apd ayl ary arq aeb ayn acq ckb sdh'.split(' ')
const arabext = 'fas pes prs haz aiq pus pbt pbu pst urd pnb skr hno phr snd bal brh azb uzs'.split(' ')

/** How a person who speaks this language (ISO 639-3) writes digits. */
export const digitsOf = (language: string): DigitSystem =>
  arab.includes(language) ? 'arab' : arabext.includes(language) ? 'arabext' : 'latn'

/** The digits of a page's language, for the keys of the person's own number pad. */
export const digitsOfPage = (locale: string): DigitSystem =>
  locale === 'ar' ? 'arab' : locale === 'fa' || locale === 'ps' ? 'arabext' : 'latn'

/** Latin digits of `text` in another system; the rest stays. */
export const inDigits = (text: string, system: DigitSystem): string =>
  system === 'latn' ? text : text.replace(/[0-9]/g, (d) => String.fromCodePoint(zero[system] + Number(d)))

/** Digits of all three systems as Latin ones, and the Arabic separators as ours. */
export const latin = (text: string): string =>
  text
    .replace(/[٠-٩]/g, (d) => String((d.codePointAt(0) ?? 0) - zero.arab))
    .replace(/[۰-۹]/g, (d) => String((d.codePointAt(0) ?? 0) - zero.arabext))
    .replace(/٫/g, '.')
    .replace(/[،٬]/g, ',')

/** The BCP 47 tag under which a browser chooses the shapes of digits and letters. */
export function tagOf(language: string): string {
  if (['pes', 'fas'].includes(language)) return 'fa'
  if (['prs', 'haz', 'aiq'].includes(language)) return 'fa-AF'
  if (['pus', 'pbt', 'pbu', 'pst'].includes(language)) return 'ps'
  if (language === 'urd') return 'ur'
  if (language === 'ckb') return 'ckb'
  return digitsOf(language) === 'arab' ? 'ar' : language
}

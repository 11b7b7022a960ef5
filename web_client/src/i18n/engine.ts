/**
 * Sentences from a flat catalogue in i18next's JSON format: `{{slot}}` and plural keys `_zero _one _two _few _many _other`.
 * Ours because the pages need nothing else of i18next and its core weighs a third of the call page's budget.
 */

export type Catalogue = Readonly<Record<string, string>>
export type Slots = Record<string, string | number>

/** Plural rules by our tags; Chromium has the rules of all eight languages, unlike their dates. */
const rules = new Map<string, Intl.PluralRules>()
function pluralRules(locale: string): Intl.PluralRules {
  const known = rules.get(locale) ?? new Intl.PluralRules(locale)
  rules.set(locale, known)
  return known
}

/** Puts `slots` into `text`; a slot without a value stays visible, so that the fault is seen. */
export function fill(text: string, slots: Slots): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => (name in slots ? String(slots[name]) : whole))
}

/** The raw text of `key`, in the form that `count` asks for; undefined when the catalogue has none. */
export function pick(catalogue: Catalogue, locale: string, key: string, count?: number): string | undefined {
  if (count === undefined) return catalogue[key]
  return catalogue[`${key}_${pluralRules(locale).select(count)}`] ?? catalogue[`${key}_other`] ?? catalogue[key]
}

// Made from numbers, so that no invisible character stands in the source.
const [rightToLeft, firstStrong, popIsolate] = [0x2067, 0x2068, 0x2069].map((n) => String.fromCodePoint(n)) as [
  string,
  string,
  string,
]

/**
 * A slot's value for a right-to-left sentence, with its own direction. A value that was put together from slots is itself a
 * right-to-left sentence: its letters stand in isolates, which "first strong" passes over (UAX 9, P2), and would count as none.
 */
export const isolated = (value: string): string =>
  `${value.includes(firstStrong) ? rightToLeft : firstStrong}${value}${popIsolate}`

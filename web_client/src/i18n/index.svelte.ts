/**
 * Texts: `t(key, slots)` from flat catalogues in `locales/`; sets `lang` and `dir` of the page. Browsers fetch a catalogue in parts
 * (scripts/catalogue-parts.mjs): `core` at once, `desk` with the first page that wants it, each area with its own pages.
 */
import loaders from 'virtual:texts'
import type admin from '../../locales/admin/en.json'
import type again from '../../locales/again/en.json'
import type aids from '../../locales/aids/en.json'
import type audit from '../../locales/audit/en.json'
import type board from '../../locales/board/en.json'
import type briefings from '../../locales/briefings/en.json'
import type calendar from '../../locales/calendar/en.json'
import type clock from '../../locales/clock/en.json'
import type demand from '../../locales/demand/en.json'
import type en from '../../locales/en.json'
import type fallback from '../../locales/fallback/en.json'
import type language from '../../locales/language/en.json'
import type matters from '../../locales/matters/en.json'
import type papers from '../../locales/papers/en.json'
import type phone from '../../locales/phone/en.json'
import type plans from '../../locales/plans/en.json'
import type pool from '../../locales/pool/en.json'
import type ring from '../../locales/ring/en.json'
import type roster from '../../locales/roster/en.json'
import type scheduling from '../../locales/scheduling/en.json'
import type speech from '../../locales/speech/en.json'
import type telephony from '../../locales/telephony/en.json'
import { setLanguage as setRequestLanguage } from '../api/client'
import type { Names } from '../api/types'
import { type Catalogue, fill, isolated, pick, type Slots } from './engine'
import { toLatin } from './latin'
import { choose, type Direction, directionOf, isLocale, type Locale } from './locales'

type Raw =
  | keyof typeof en
  | keyof typeof admin
  | keyof typeof again
  | keyof typeof aids
  | keyof typeof audit
  | keyof typeof board
  | keyof typeof briefings
  | keyof typeof calendar
  | keyof typeof clock
  | keyof typeof demand
  | keyof typeof fallback
  | keyof typeof language
  | keyof typeof matters
  | keyof typeof papers
  | keyof typeof phone
  | keyof typeof plans
  | keyof typeof pool
  | keyof typeof ring
  | keyof typeof roster
  | keyof typeof scheduling
  | keyof typeof speech
  | keyof typeof telephony
type Plural = '_zero' | '_one' | '_two' | '_few' | '_many' | '_other'
type Base<K extends string> = K extends `${infer B}${Plural}` ? B : K
/** Every text there is; a key that the English catalogue lacks does not compile. */
export type Key = Base<Raw>
export type { Slots }

const memory = 'tarjuman.locale'
/** What is fetched together. */
export type Part =
  | 'core'
  | 'desk'
  | 'board'
  | 'briefings'
  | 'admin'
  | 'again'
  | 'aids'
  | 'audit'
  | 'calendar'
  | 'clock'
  | 'demand'
  | 'fallback'
  | 'matters'
  | 'papers'
  | 'phone'
  | 'telephony'
  | 'language'
  | 'plans'
  | 'pool'
  | 'ring'
  | 'roster'
  | 'scheduling'
  | 'speech'

const loaded = new Map<Locale, Catalogue>()
const have = new Set<string>()
const wanted = new Set<Part>(['core'])
let shown = $state<Locale>('en')
let asked: Locale | undefined

async function fetchPart(locale: Locale, part: Part): Promise<Catalogue | undefined> {
  if (part === 'core' || part === 'desk') return (await loaders[locale]?.[part]())?.default
  const areas = await import('virtual:texts-areas')
  return (await areas.default[locale]?.[part]())?.default
}

/** Fetches what is wanted and not here yet. */
async function complete(locale: Locale): Promise<void> {
  const missing = [...wanted].filter((part) => !have.has(`${locale}.${part}`))
  const found = await Promise.all(missing.map((part) => fetchPart(locale, part)))
  loaded.set(locale, Object.assign({}, loaded.get(locale), ...found))
  for (const part of missing) have.add(`${locale}.${part}`)
}

/** Makes a further part of the catalogue available, now and in each language that is chosen later. */
export async function want(part: Part): Promise<void> {
  wanted.add(part)
  await complete(shown)
}

/** Values of slots keep their own direction inside right-to-left sentences. */
const isolate = (slots: Slots): Slots =>
  directionOf(shown) === 'ltr'
    ? slots
    : Object.fromEntries(Object.entries(slots).map(([k, v]) => [k, typeof v === 'string' ? isolated(v) : v]))

/** For keys made of a code from the server (`lang.pbt`, `error.step_locked`): the text, or undefined when there is none. */
export function lookUp(key: string, slots: Slots = {}): string | undefined {
  const count = slots.count
  const text = pick(loaded.get(shown) ?? {}, shown, key, typeof count === 'number' ? count : undefined)
  return text === undefined ? undefined : fill(text, isolate(slots))
}

/** The text of `key` in the language shown. The slot `count` chooses the plural form. */
export function t(key: Key, slots?: Slots): string {
  return lookUp(key, slots) ?? key
}

/** As `lookUp`, with `otherwise` (by default the code itself) where the catalogue has nothing. */
export const byCode = (area: string, code: string, slots?: Slots, otherwise = code): string =>
  lookUp(`${area}.${code}`, slots) ?? otherwise

export const i18n = {
  get locale(): Locale {
    return shown
  },
  get dir(): Direction {
    return directionOf(shown)
  },
}

/** The name of a place, step or authority in the language shown: its own, transliterated for Serbian Latin, else English. */
export const named = (names: Names): string => ownName(names) ?? names.en ?? ''

/** As `named`, but undefined where the language shown has no name of its own. */
export function ownName(names: Names): string | undefined {
  const serbian = names['sr-Cyrl']
  return shown === 'sr-Latn' && serbian ? toLatin(serbian) : names[shown]
}

/** Loads a catalogue if need be and shows the page in it. */
export async function show(locale: Locale): Promise<void> {
  asked = locale
  await complete(locale)
  // A choice that came later counts, whichever is fetched first.
  if (asked !== locale) return
  shown = locale
  setRequestLanguage(locale)
  document.documentElement.lang = locale
  document.documentElement.dir = directionOf(locale)
  try {
    localStorage.setItem(memory, locale)
  } catch {
    // Storage may be shut off; the language then lasts for this page only.
  }
}

function remembered(): string[] {
  try {
    return [localStorage.getItem(memory) ?? '']
  } catch {
    return []
  }
}

/** Starts with the language chosen before, else the browser's. `parts` come along with the first one: whoever wants them has them at once. */
export async function startTexts(parts: readonly Part[] = []): Promise<void> {
  const wish = remembered().find(isLocale)
  const locale = wish && isLocale(wish) ? wish : choose(navigator.languages)
  for (const part of parts) void fetchPart(locale, part).catch(() => undefined)
  await show(locale)
}

/**
 * What was pointed to at the language desk, and what follows from it. Pure. A finding names languages and how sure people are; nothing
 * in here knows, asks or infers where somebody comes from.
 */
import desk from './cards.json'

export type Confidence = 'sure' | 'probably' | 'unsure'
export type FoundBy = 'card' | 'region' | 'told' | 'helper' | 'finder_call'
export type ConfirmedBy = 'person' | 'officer' | 'interpreter'
export type Finding = {
  language: string
  variant: string | null
  fallback: string | null
  confidence: Confidence
  found_by: FoundBy[]
  confirmed_by: ConfirmedBy
}

export type Card = {
  code: string
  lang: string
  dir: 'ltr' | 'rtl'
  name: string
  sentence: string
  voice?: string
  more?: boolean
}
type Direction = 'ltr' | 'rtl'
export type Way = { code: string; name: string; lang?: string; dir?: Direction; sentence?: string; say?: string }
export type Ways = { ask: string; lang: string; dir: Direction; map?: boolean; voice?: string; of: readonly Way[] }

export const cards: readonly Card[] = desk.cards as Card[]
const ways = desk.ways as Record<string, Ways>
const family: Readonly<Record<string, string>> = {
  ara: 'ara',
  pus: 'pus',
  pes: 'persian',
  prs: 'persian',
  haz: 'persian',
  aiq: 'persian',
  kmr: 'kurdish',
  ckb: 'kurdish',
  sdh: 'kurdish',
  diq: 'kurdish',
}
/** Groups whose members are varieties of one language; members of the others are languages of their own. */
const groups: ReadonlySet<string> = new Set(['ara', 'pus'])
export const sign = 'ils'

export const cardOf = (code: string): Card | undefined => cards.find((one) => one.code === code)
/** The further question after a card: which way of speaking is near. */
export const waysOf = (code: string): Ways | undefined => ways[family[code] ?? '']

/** One language that was chosen, and how it came to be on the list. */
export type Pick = { language: string; variant: string | null; by: FoundBy[]; confirmed: ConfirmedBy }
export const working = (pick: Pick): string => pick.variant ?? pick.language

const fresh = (language: string, by: FoundBy): Pick => ({
  language,
  variant: null,
  by: [by],
  confirmed: by === 'helper' ? 'officer' : 'person',
})

/**
 * A touch on a card. One language: the new one takes the place of the old. Two (`unsure`): the second is added behind the first, a third
 * takes the second's place. A touch on a chosen card takes it away; a card that the helper or the officer proposed becomes the person's own
 * choice when the person touches it.
 */
export function touch(picks: readonly Pick[], code: string, two: boolean, by: FoundBy = 'card'): Pick[] {
  const at = picks.findIndex((one) => one.language === code)
  const known = picks[at]
  if (known) {
    if (by === 'card' && known.confirmed !== 'person') {
      const own: Pick = { ...known, by: [...known.by, 'card'], confirmed: 'person' }
      return picks.map((one) => (one === known ? own : one))
    }
    return by === 'card' ? picks.filter((one) => one !== known) : [...picks]
  }
  const made = fresh(code, by)
  if (!two) return [made]
  return [...picks.slice(0, 1), made]
}

/** The way of speaking that is near to the person's own. */
export function touchWay(picks: readonly Pick[], at: number, code: string): Pick[] {
  return picks.map((one, n) => {
    if (n !== at) return one
    const by: FoundBy[] = one.by.includes('region') ? one.by : [...one.by, 'region']
    if (groups.has(one.language)) return { ...one, variant: one.variant === code ? null : code, by, confirmed: 'person' }
    // Kurmanji and Sorani, Farsi and Dari are languages of their own: pointing to one is choosing it.
    return { language: code, variant: null, by, confirmed: 'person' }
  })
}

export const swap = (picks: readonly Pick[]): Pick[] => [...picks].reverse()

/** How sure one can be at most, and what is proposed. Two languages, or a group without its variety, are never sure. */
export function mostSure(picks: readonly Pick[]): Confidence {
  const first = picks[0]
  if (!first || picks.length > 1 || open(first)) return 'unsure'
  return first.by.every((one) => one === 'helper') ? 'probably' : 'sure'
}
export const proposed = (picks: readonly Pick[]): Confidence => (mostSure(picks) === 'unsure' ? 'unsure' : 'probably')

/** Whether the name is too coarse to call anybody: "Arabic" alone. */
export const open = (pick: Pick): boolean => groups.has(pick.language) && pick.variant === null

const order: readonly Confidence[] = ['unsure', 'probably', 'sure']
export const atMost = (wish: Confidence, most: Confidence): Confidence =>
  order.indexOf(wish) <= order.indexOf(most) ? wish : most

/** What is put into the case; undefined while nothing was chosen. */
export function finding(picks: readonly Pick[], confidence: Confidence): Finding | undefined {
  const [first, second] = picks
  if (!first) return undefined
  const fallback = second && working(second) !== working(first) && second.language !== first.language ? working(second) : null
  return {
    language: first.language,
    variant: first.variant,
    fallback,
    confidence: atMost(confidence, mostSure(picks)),
    found_by: [...new Set(first.by)],
    confirmed_by: first.confirmed,
  }
}

export type Heard = { language: string; share: number; together: string[] }
/** In words, because a number would say more than is known. */
export function likeness(share: number, unsure: boolean): 'most' | 'perhaps' | 'little' {
  if (share < 0.15) return 'little'
  return share >= 0.6 && !unsure ? 'most' : 'perhaps'
}
/** What the helper's answer offers to choose from: its first three, those it cannot tell from them, and those it cannot know. */
export function offered(ranked: readonly Heard[], byHand: readonly string[]): { heard: Heard[]; hand: string[] } {
  const heard = ranked.slice(0, 3)
  const hand = [...new Set([...ranked.flatMap((one) => one.together), ...byHand])]
  return { heard, hand: hand.filter((code) => heard.every((one) => one.language !== code)) }
}

/** The phrasebook for the first contact (M-13): texts, who says them to whom, and which of them a machine voice can say. Pure but for the locale. */
import { i18n } from '../i18n/index.svelte'
import { toLatin } from '../i18n/latin'
import type { Locale } from '../i18n/locales'
import book from './phrases.json'

export type PhraseLanguage = 'ar' | 'fa' | 'prs' | 'ps'
export type Group = 'hello' | 'who' | 'body' | 'safe' | 'answers'
type Row = {
  id: string
  group: string
  en: string
  sr: string
  mk: string
  sq: string
  ar: string
  ar_f?: string
  fa: string
  prs?: string
  ps?: string
}

export const rows: readonly Row[] = book.phrases
export const groups: readonly Group[] = ['hello', 'who', 'body', 'safe', 'answers']
export const languages: readonly { tag: PhraseLanguage; name: string; code: string }[] = [
  { tag: 'ar', name: 'العربية', code: 'ara' },
  { tag: 'fa', name: 'فارسی', code: 'pes' },
  { tag: 'prs', name: 'دری', code: 'prs' },
  { tag: 'ps', name: 'پښتو', code: 'pus' },
]
/** Asked only where nobody else hears. */
export const privately: ReadonlySet<string> = new Set(['P21', 'P22', 'P23', 'P24'])
/** Answered by pointing at yes, no or "I do not know". */
export const yesNo: ReadonlySet<string> = new Set('P06 P11 P12 P14 P15 P16 P17 P18 P19 P20 P21 P22 P23 P24'.split(' '))

/** The phrase in the person's language; undefined where there is no text. `woman`: said to a woman. */
export function said(row: Row, language: PhraseLanguage, woman: boolean): string | undefined {
  if (language === 'ar') return (woman ? row.ar_f : undefined) ?? row.ar
  if (language === 'prs') return row.prs ?? row.fa
  return row[language]
}

/** The sample that says it, if there is one: Arabic and Farsi have a voice; Dari and Pashto have none of their own. */
export function sampleOf(row: Row, language: PhraseLanguage, woman: boolean): string | undefined {
  if (language === 'ar') return woman && row.ar_f ? `ar-${row.id}-f` : `ar-${row.id}`
  return language === 'fa' ? `fa-${row.id}` : undefined
}

/** What the officer reads. */
export function own(row: Row, locale: Locale): string {
  if (locale === 'sr-Latn') return toLatin(row.sr)
  const texts: Partial<Record<Locale, string | undefined>> = { ...row, 'sr-Cyrl': row.sr }
  return texts[locale] ?? row.en
}

export const rowOf = (id: string): Row | undefined => rows.find((one) => one.id === id)
export const phraseText = (id: string): string => {
  const row = rowOf(id)
  return row ? own(row, i18n.locale) : id
}

/** Yes, no and "I do not know" one by one. */
export const answers = (language: PhraseLanguage): string[] => {
  const row = rowOf('P27')
  return row ? (said(row, language, false) ?? '').split(' · ') : []
}
/** The two words of P05, as they stand in it. */
const womanOrMan: Readonly<Record<PhraseLanguage, readonly string[]>> = {
  ar: ['امرأة', 'رجل'],
  fa: ['زن', 'مرد'],
  prs: ['زن', 'مرد'],
  ps: ['ښځه', 'نارینه'],
}
/** What the person can point at after a phrase; nothing where they show, write or wait. */
export const answersTo = (row: Row, language: PhraseLanguage): readonly string[] =>
  yesNo.has(row.id) ? answers(language) : row.id === 'P05' ? womanOrMan[language] : []
export type { Row }

/** An entry of the session log as a sentence: fixed texts with slots, codes turned into words of the language shown. */
import { languageName } from '../api/catalogue.svelte'
import { timeText } from '../i18n/dates'
import { byCode, lookUp, type Slots, t } from '../i18n/index.svelte'
import { durationText } from '../lib/time.svelte'
import type { IconName } from '../ui/icons'
import { signalIcon } from './signalIcon'

const icons: Readonly<Record<string, IconName>> = {
  planned: 'flag',
  language_declared: 'globe',
  substitution: 'swap',
  sex_preference: 'user',
  transfer: 'swap',
  relay: 'swap',
  team: 'users',
  moved: 'cal',
  invited: 'users',
  opened: 'door',
  arrived: 'user',
  left: 'out',
  started: 'mic',
  paused: 'cup',
  resumed: 'mic',
  line_lost: 'net-off',
  line_back: 'net',
  service_gap: 'net-off',
  mode: 'phone',
  language_confirmed: 'check',
  signal: 'hand',
  number_shown: 'keypad',
  correction: 'flag',
  limit_reached: 'clock',
  recused: 'swap-user',
  recheck: 'repeat',
  interpreter_lost: 'net-off',
  replaced: 'swap-user',
  called_off: 'close',
  ended: 'end',
  sealed: 'lock',
  fallback: 'net',
  phone_call: 'phone',
  agreement: 'ask',
  stop_proposed: 'alert',
  stop_declined: 'alert',
  mode_opened: 'unlock',
  briefing: 'users',
  word_given: 'mic',
  word_taken: 'mic-off',
  told: 'check',
}
type Entry = { kind: string; data: Readonly<Record<string, unknown>> }

const modeIcons: Readonly<Record<string, IconName>> = { video: 'cam', audio: 'mic', phone: 'phone' }

export function logIcon({ kind, data }: Entry): IconName {
  if (kind === 'signal') return signalIcon(String(data.signal))
  if (kind === 'mode') return modeIcons[String(data.mode)] ?? 'cam'
  return icons[kind] ?? 'note'
}

function word(name: string, value: unknown, clock: (when: string) => string): string {
  if (value === null || value === undefined) return t('log.unknown')
  const text = String(value)
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return clock(text)
  if (name === 'seconds' || name === 'interpreting_s') return durationText(Number(value))
  if (name === 'language' || name === 'declared' || name === 'officer_language') return languageName(text)
  if (name === 'part' || (name === 'by' && text !== 'system')) return byCode('part', text)
  if (name === 'signal') return byCode('call.signal', text)
  if (name === 'reason') return byCode('log.reason', text)
  if (name === 'outcome') return byCode('log.outcome', text)
  if (name === 'mode') return byCode('log.mode', text)
  if (name === 'country') return byCode('country', text)
  if (name === 'value') return byCode('log.wish', text)
  if (name === 'answer') return byCode('briefings.answer', text)
  if (name === 'met') return t(value ? 'log.met' : 'log.not_met')
  return text
}

const ladderKinds = new Set(['fallback', 'phone_call', 'agreement', 'stop_proposed', 'stop_declined', 'mode_opened'])

const someone = (part: unknown, code: unknown): string =>
  part ? [byCode('part', String(part)), code].filter(Boolean).join(' ') : ''

/** Entries of the step-down ladder; their texts come with it. */
function ladderText({ kind, data }: Entry): string | undefined {
  const who = someone(data.part, data.code)
  const word = (area: string, value: unknown) =>
    value === null || value === undefined ? t('log.unknown') : byCode(area, String(value))
  const slots: Slots = {
    who,
    reason: word('fallback.reason', data.reason),
    rung: word('fallback.rung', data.rung),
    mode: word('log.mode', data.mode),
    answer: word('fallback.agree', data.answer),
    how: word('fallback.how', data.how),
    people: Number(data.people ?? 0),
  }
  const which = kind === 'phone_call' ? `.${data.event}` : kind === 'agreement' ? `.${data.question}` : ''
  return lookUp(`fallback.log.${kind}${which}`, slots)
}

/** The sentence of an entry, instants in it by the device's clock or by `clock`. A kind that this version does not know is shown by its code. */
export function logText({ kind, data }: Entry, clock: (when: string) => string = timeText): string {
  if (kind === 'sex_preference' && (data.value === 'none' || !data.value)) return t('log.no_wish')
  if (ladderKinds.has(kind) || (kind === 'mode' && data.reason && data.reason !== 'begun')) {
    const text = ladderText({ kind, data })
    if (text !== undefined) return text
  }
  const slots: Slots = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, word(name, value, clock)]))
  if (kind === 'relay') {
    const [from, pivot, to] = [data.from, data.pivot, data.to].map((code) => languageName(String(code)))
    Object.assign(slots, { from, pivot, to })
  }
  if (kind === 'substitution') Object.assign(slots, { from: languageName(String(data.from)), to: languageName(String(data.to)) })
  if (kind === 'transcript') return lookUp(`log.transcript.${data.state}`, slots) ?? kind
  if (kind === 'transcript_consent')
    Object.assign(slots, { answer: byCode('speech.answer', String(data.answer)), by: someone(data.noted_part, data.noted_code) })
  if (kind === 'number_shown') slots.number = byCode('aids.shown', String(data.calendar ?? data.number))
  if (data.part) slots.who = someone(data.part, data.code)
  return lookUp(`log.${kind}.${data.how}`, slots) ?? lookUp(`log.${kind}`, slots) ?? kind
}

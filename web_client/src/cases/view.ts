/** A case as the page shows it: timeline by stage, gates in words, the honest expectation. Pure apart from the texts. */
import { catalogue, languageName, stages } from '../api/catalogue.svelte'
import type { CaseDetail, Gate, HeldHow, Outlook, StepView } from '../api/types'
import { momentText, type When } from '../i18n/dates'
import { byCode, lookUp, type Slots, t } from '../i18n/index.svelte'
import { clocksOf, type Zoned } from '../i18n/zoned'
import { recordPath } from '../lib/paths'
import { durationText } from '../lib/time.svelte'
import type { GateLine } from '../ui/GateList.svelte'
import type { IconName } from '../ui/icons'
import type { TimelineStage, TimelineStep } from '../ui/StepTimeline.svelte'

type Moment = (when: When) => string
/** Instants of a case by the clocks of its country. */
const momentOf = (c: Pick<CaseDetail, 'country'>): Moment => {
  const zone = clocksOf(c.country)
  return (when) => zone.moment(when)
}

function stepDetail(step: StepView, current: boolean, looking: boolean, moment: Moment): string | undefined {
  const held = step.sessions.filter((s) => s.started_at).at(-1)
  if (step.state === 'held') {
    const when = held?.started_at ?? step.held_at
    if (!when) return t('step.held')
    if (step.held_how && !held) return t(`step.held_how.${step.held_how}`, { time: moment(when) })
    if (!held?.interpreter_code) return moment(when)
    return held.minutes === null
      ? t('step.held_with', { time: moment(when), code: held.interpreter_code })
      : t('step.held_with_min', { time: moment(when), code: held.interpreter_code, n: held.minutes })
  }
  if (step.state === 'dropped') return t('step.state.dropped')
  if (step.state === 'postponed') return t('step.postponed')
  if (step.state === 'scheduled') return t(current && looking ? 'case.sign.waiting' : 'step.scheduled')
  return current ? t('step.now') : undefined
}

/** The steps of a case by stage; a held one leads to its record. */
export function timeline(c: CaseDetail): TimelineStage[] {
  const moment = momentOf(c)
  const shown = (step: StepView): TimelineStep => {
    const current = step.id === c.current_step_id
    const record = step.sessions.filter((s) => s.started_at && (s.state === 'ended' || s.state === 'sealed')).at(-1)
    return {
      id: step.id,
      state: current ? 'now' : step.state === 'held' ? 'done' : step.state === 'dropped' ? 'dropped' : 'later',
      title: catalogue.stepShort(step.code),
      detail: stepDetail(step, current, c.next === 'waiting', moment),
      href: record ? recordPath(record.id) : undefined,
    }
  }
  return stages
    .map((stage) => ({
      id: stage,
      title: byCode('stage', stage),
      steps: c.steps.filter((s) => (catalogue.step(s.code)?.stage ?? guess(s.code)) === stage).map(shown),
    }))
    .filter((s) => s.steps.length > 0)
}

const byLetters = { ID: 'identification', REG: 'registration', VUL: 'vulnerability', ASY: 'asylum', RET: 'return' } as const
/** The stage in a step's code, for as long as the catalogue is not here. */
const guess = (code: string) => byLetters[code.split('-')[1] as keyof typeof byLetters] ?? 'identification'

/** The steps that can be noted as held outside Tarjuman: no interpreter is asked for yet. */
export const recordable = (c: CaseDetail): StepView[] =>
  c.steps.filter(
    (s) =>
      (s.state === 'planned' || s.state === 'postponed') &&
      !c.bookings.some((b) => b.step_id === s.id && !['cancelled', 'missed', 'fulfilled'].includes(b.state)),
  )

/** How a step may have been held outside Tarjuman. A talk that needs an interpreter is never "no talk" (M-14). */
export const heldHows = (code: string): HeldHow[] => {
  const rule = catalogue.step(code)
  return rule && rule.interpretation !== 'mandatory' ? ['interpreter_in_person', 'no_talk'] : ['interpreter_in_person']
}

/** Slots of sentences in words of the language shown: codes of languages, steps and needs, instants. */
export function slotWords(params: Slots, moment: Moment = momentText): Slots {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value]
      if (/^\d{4}-\d\d-\d\dT/.test(value)) return [name, moment(value)]
      if (/language|^person$|^interpreter$|bridge/.test(name)) return [name, languageName(value)]
      if (name === 'step' || name === 'step_code') return [name, catalogue.stepShort(value)]
      if (name === 'source') return [name, byCode('source.by', value)]
      if (name === 'need') return [name, byCode('need', value)]
      if (name === 'age_group') return [name, byCode('age', value)]
      if (name === 'uam') return [name, byCode('uam', value)]
      if (name === 'wish') return [name, byCode('wish', value)]
      if (name === 'part') return [name, byCode('part', value)]
      if (name === 'country') return [name, byCode('country', value)]
      return [name, value]
    }),
  )
}

const gateIcons: Readonly<Record<string, IconName>> = {
  language_known: 'globe',
  sex_wish_asked: 'user',
  guardian: 'users',
  present: 'users',
  mode: 'lock',
  recording: 'rec-off',
  lawyer: 'book',
  remote_agreed: 'cam',
  in_person: 'door',
  court: 'book',
}

/** Evidence for a gate that is met: who said it, when. */
function evidence(g: Gate, c: CaseDetail): string | undefined {
  const first = c.languages[0]
  const moment = momentOf(c)
  if (g.code === 'language_known' && first) {
    const name = languageName(first.code)
    return first.confirmed_at
      ? t('gate.language_known.confirmed', { language: name, when: moment(first.confirmed_at) })
      : `${name}${t('join.comma')}${byCode('source.by', first.source)}`
  }
  if (g.code === 'sex_wish_asked' && c.interp_sex.asked_at)
    return t('gate.sex_wish_asked.when', { when: moment(c.interp_sex.asked_at) })
  if (g.code === 'guardian' && c.guardian?.code) {
    return c.guardian.arrived_at
      ? t('gate.guardian.arrived', { code: c.guardian.code, when: moment(c.guardian.arrived_at) })
      : t('gate.guardian.named', { code: c.guardian.code })
  }
  return undefined
}

function words(g: Gate, end: string, c: CaseDetail): string | undefined {
  const slots = slotWords(g.params, momentOf(c))
  return lookUp(`gate.${g.code}.${g.state}${end}`, slots) ?? lookUp(`gate.${g.code}${end}`, slots)
}

export function gateTitle(g: Gate, c: CaseDetail): string {
  if (g.code === 'sex_wish_asked' && g.state === 'ok') {
    const { wish, must } = c.interp_sex
    return wish === 'none' ? t('gate.wish.none') : t(`gate.wish.${wish}${must ? '_must' : ''}`)
  }
  return words(g, '', c) ?? g.code
}

/** The lines of the list: the rules as the server judged them, and three plain facts that an officer asks for at each step. */
export function gateLines(c: CaseDetail, recording: string | undefined): Omit<GateLine, 'action'>[] {
  const judged = c.gates.map((g) => ({
    id: gateId(g),
    state: g.state,
    icon: g.state === 'wait' || g.state === 'warn' ? gateIcons[g.code] : undefined,
    title: gateTitle(g, c),
    detail: (g.state === 'ok' ? evidence(g, c) : undefined) ?? words(g, '.detail', c),
  }))
  const facts: Omit<GateLine, 'action'>[] = []
  if (!c.gates.some((g) => g.code === 'guardian')) {
    facts.push({
      id: 'no-guardian',
      state: 'ok',
      title: t('gate.guardian.not_needed'),
      detail: c.age_group
        ? `${byCode('age', c.age_group)}${c.uam && childAges.includes(c.age_group) ? `${t('join.comma')}${byCode('uam', c.uam)}` : ''}`
        : undefined,
    })
  }
  if (!c.gates.some((g) => g.code === 'mode')) {
    const sealed = c.mode === 'sealed'
    facts.push({
      id: 'mode-fact',
      state: sealed ? 'ok' : 'wait',
      icon: sealed ? 'lock' : 'unlock',
      title: t(sealed ? 'fact.sealed' : 'fact.open'),
      detail: t(sealed ? 'fact.sealed.detail' : 'fact.open.detail'),
    })
  }
  if (!c.gates.some((g) => g.code === 'recording')) {
    facts.push({
      id: 'recording-fact',
      state: 'ok',
      icon: 'rec-off',
      title: t('fact.not_recorded'),
      detail: recording === 'never' ? t('fact.not_recorded.never') : t('fact.not_recorded.off'),
    })
  }
  facts.push({ id: 'room-fact', state: 'wait', icon: 'door', title: t('fact.room'), detail: t('fact.room.detail') })
  return [...judged, ...facts]
}

const childAges: readonly string[] = ['0-13', '14-15', '16-17']

/** The same rule can stand twice, for two steps. */
export const gateId = (g: Gate): string => [g.code, ...Object.values(g.params)].join('-').replace(/[^\w-]/g, '_')

/** The expected wait, only as it was measured; rounded up, because a promise must hold. */
export function expectation(o: Outlook): { title: string; detail: string } {
  const { p50_s, p90_s, basis, n } = o.expected
  // A count under three is not told, so zero stands for "few" when the server says so.
  const nobody = o.free_now === 0 && !o.free_few
  const free = o.free_few ? t('outlook.few') : nobody ? t('outlook.free_none') : t('outlook.free', { count: o.free_now })
  const wish =
    o.wish_met === null || nobody || o.free_few
      ? ''
      : ` ${o.wish_met === 0 ? t('outlook.wish_none') : t('outlook.wish', { count: o.wish_met })}`
  if (basis === 'none' || p50_s === null) {
    return { title: free, detail: nobody ? t('outlook.unknown_none') : `${t('outlook.unknown')}${wish}` }
  }
  return {
    title: t('outlook.likely', { time: durationText(roundUp(p50_s)) }),
    detail: `${p90_s === null ? '' : `${t('outlook.nine_of_ten', { time: durationText(roundUp(p90_s)), n })} `}${free}${wish}`,
  }
}

/** To ten seconds under two minutes, else to the minute. */
export const roundUp = (seconds: number): number =>
  seconds <= 110 ? Math.max(10, Math.ceil(seconds / 10) * 10) : Math.ceil(seconds / 60) * 60

/** `2026-11-22T08:05` by the clocks of a place: what a field for a moment holds. */
export const minuteKey = (d: Date, zone: Zoned): string => `${zone.dayKey(d)}T${zone.time(d)}`

/** What is sent for a moment of such a field: nothing for this minute, so that the server's clock decides; never before the case began. */
export function heldAt(value: string, since: string, now: Date, zone: Zoned): string | undefined {
  if (!value || value === minuteKey(now, zone)) return undefined
  const [day = '', time = ''] = value.split('T')
  const opened = new Date(Date.parse(since) + 1)
  return (value === minuteKey(opened, zone) ? opened : zone.instant(day, time.slice(0, 5))).toISOString()
}

/** What is said aloud during a call: compares two states and names the news. Pure but for the texts. */
import { languageName } from '../api/catalogue.svelte'
import { byCode, t } from '../i18n/index.svelte'
import { breakMeter } from '../realtime/roomState'
import type { CallState } from './callState'
import { partName } from './people'

export type Said = { text: string; how: 'polite' | 'assertive' }

export function news(before: CallState, after: CallState, now: number): Said[] {
  const said: Said[] = []
  const say = (text: string, how: Said['how'] = 'polite') => said.push({ text, how })
  const [was, is] = [before.room, after.room]
  if (before.line.lostSince === undefined && after.line.lostSince !== undefined) say(t('line.lost'), 'assertive')
  if (before.line.lostSince !== undefined && after.line.lostSince === undefined) say(t('call.line_back'))
  if (before.held === 'none' && after.held !== 'none') say(t('call.weak.own'))
  if (before.blocked !== after.blocked && after.blocked) say(t('call.tap_to_hear'), 'assertive')
  if (!was || !is) return said
  for (const one of is.participants) {
    if (one.id === is.you) continue
    const old = was.participants.find((p) => p.id === one.id)
    if (one.state === 'present' && old?.state !== 'present') say(t('call.said.here', { who: partName(one) }))
    else if (one.state !== 'present' && old?.state === 'present')
      say(t(one.state === 'left' ? 'call.said.left' : 'call.said.lost', { who: partName(one) }))
  }
  for (const signal of is.signals) {
    if (signal.from === is.you || was.signals.some((one) => one.signal_id === signal.signal_id)) continue
    const from = is.participants.find((one) => one.id === signal.from)
    const stop = signal.kind === 'pause' && from?.part === 'applicant'
    const what = byCode('call.signal', signal.kind)
    say(t('call.said.signal', { what, who: from ? partName(from) : '' }), stop ? 'assertive' : 'polite')
  }
  for (const one of after.concerns) if (!before.concerns.includes(one)) say(byCode('call.signal', one.kind))
  if (was.state !== is.state && is.state === 'paused' && is.pause_reason === 'break') say(t('call.said.break'))
  if (was.state !== is.state && is.state === 'active') say(t('call.said.active'))
  if (was.language_confirmed !== is.language_confirmed && is.language_confirmed)
    say(t('call.said.language', { language: languageName(is.language_confirmed) }))
  if (breakMeter(is, now).left === 5 && breakMeter(was, now - 1000).left === 6) say(t('call.said.break_soon'))
  return said
}

/** How the state of a case is said in one badge, and what the next press does. Pure. */
import type { CaseSummary } from '../api/types'
import type { Key } from '../i18n/index.svelte'
import { bookingPath, callPath, casePath } from '../lib/paths'
import type { Tone } from '../ui/Badge.svelte'
import type { IconName } from '../ui/icons'

export type CaseSign = { tone: Tone; icon: IconName; text: Key; action: Key; href: string }

export function caseSign(c: CaseSummary): CaseSign {
  const home = casePath(c.id)
  if (c.state === 'closed') return { tone: 'plain', icon: 'lock', text: 'case.sign.closed', action: 'action.open', href: home }
  if (c.next === 'waiting' && c.booking_id) {
    return { tone: 'signal', icon: 'clock', text: 'case.sign.waiting', action: 'case.follow', href: bookingPath(c.booking_id) }
  }
  if ((c.next === 'held' || c.next === 'agreed') && c.booking_id) {
    const text = c.next === 'held' ? 'booking.state.held' : 'booking.state.assigned'
    return {
      tone: c.next === 'held' ? 'signal' : 'ok',
      icon: 'cal',
      text,
      action: 'action.open',
      href: bookingPath(c.booking_id),
    }
  }
  if (c.next === 'join' && c.session_id) {
    return { tone: 'ok', icon: 'check', text: 'case.sign.join', action: 'case.join', href: callPath(c.session_id) }
  }
  if (c.next === 'in_session' && c.session_id) {
    return { tone: 'ok', icon: 'mic', text: 'case.sign.in_session', action: 'case.join', href: callPath(c.session_id) }
  }
  if (c.languages.length === 0)
    return { tone: 'warn', icon: 'ask', text: 'case.sign.no_language', action: 'action.open', href: home }
  if (c.next === 'start') return { tone: 'accent', icon: 'flag', text: 'case.sign.start', action: 'action.open', href: home }
  return { tone: 'plain', icon: 'check', text: 'case.sign.none', action: 'action.open', href: home }
}

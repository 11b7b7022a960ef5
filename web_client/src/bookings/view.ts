/** A search as the officer sees it: rungs, reasons and the honest expectation in words. No traits of interpreters. */
import { languageName } from '../api/catalogue.svelte'
import type { BookingView, OfferBrief, Reason, Rung } from '../api/types'
import { roundUp, slotWords } from '../cases/view'
import { byCode, lookUp, t } from '../i18n/index.svelte'
import { clocksOf } from '../i18n/zoned'
import { durationText } from '../lib/time.svelte'
import type { Tone } from '../ui/Badge.svelte'
import type { IconName } from '../ui/icons'
import type { LadderRung } from '../ui/Ladder.svelte'

const icons: Readonly<Partial<Record<Rung['code'], IconName>>> = { coordinator: 'user', partners: 'users' }

export function ladder(b: BookingView, nowMs: number): LadderRung[] {
  return b.rungs.map((r) => {
    const left = r.ends_at ? Math.max(0, Math.ceil((new Date(r.ends_at).getTime() - nowMs) / 1000)) : undefined
    const people = r.count === null ? undefined : t('rung.people', { count: r.count })
    const detail =
      r.state === 'now'
        ? r.code === 'coordinator'
          ? t('rung.coordinator.now')
          : left === undefined
            ? t('rung.ringing')
            : t('rung.ringing_left', { n: left })
        : r.reason
          ? lookUp(`rung.reason.${r.reason}`)
          : r.state === 'later' && r.code === 'coordinator'
            ? t('rung.coordinator.later')
            : people
    return {
      id: r.code,
      state: r.state,
      title:
        lookUp(`rung.${r.code}`, { count: r.count ?? 0, country: byCode('country', b.country === 'RS' ? 'MK' : 'RS') }) ?? r.code,
      detail,
      icon: icons[r.code],
    }
  })
}

/** What happens now, in one sentence. */
export function presently(b: BookingView): string {
  if (b.state === 'requested') return t('waiting.starting')
  const ringing = b.offers.filter((o) => o.state === 'pending').length
  if (b.state === 'offering') return ringing > 0 ? t('waiting.ringing', { count: ringing }) : t('waiting.next_round')
  return byCode('booking.state', b.state)
}

/** The coordinator's word on two interpreters, while nobody is found: it is waited for, or it was no (M-9). */
export const relayWord = (b: Pick<BookingView, 'state' | 'relay_state'>): 'asked' | 'refused' | undefined =>
  b.state === 'unfilled' && b.relay_state !== 'approved' ? (b.relay_state ?? undefined) : undefined

/** Nobody can be agreed for it, at no time: it was booked as a relay only, and the coordinator has not said yes. */
export const needsWord = (b: Pick<BookingView, 'state' | 'relay_state' | 'way'>): boolean =>
  b.way === 'relay' && relayWord(b) !== undefined

/** How long it will most likely take, from measured requests only. */
export function expected(b: BookingView): { lead: string; basis: string } {
  const { basis, p50_s, p90_s, n } = b.expected
  if (basis === 'none' || p50_s === null) return { lead: '', basis: t('waiting.no_basis') }
  return {
    lead: t('outlook.likely', { time: durationText(roundUp(p50_s)) }),
    basis:
      p90_s === null ? '' : t('waiting.basis', { time: durationText(roundUp(p90_s)), n, language: languageName(b.language) }),
  }
}

/** A reason of the matcher in words; instants by the clocks of the booking's country. */
export const reasonText = (r: Reason, country: string): string =>
  lookUp(
    `match.${r.code}`,
    slotWords(r.params, (when) => clocksOf(country).moment(when)),
  ) ?? r.code

/** How an offer is shown: a decline is "Not now" and nothing more. */
export function offerSign(o: OfferBrief): { tone: Tone; text: string; ringing: boolean } {
  if (o.state === 'pending') return { tone: 'signal', text: t('offer.pending'), ringing: true }
  if (o.state === 'accepted') return { tone: 'ok', text: t('offer.accepted'), ringing: false }
  return {
    tone: 'plain',
    text: t(o.state === 'expired' ? 'offer.expired' : o.state === 'withdrawn' ? 'offer.withdrawn' : 'offer.declined'),
    ringing: false,
  }
}

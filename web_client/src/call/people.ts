/** What stands on tiles and in announcements about people. */
import { languageName } from '../api/catalogue.svelte'
import { byCode, t } from '../i18n/index.svelte'
import type { Participant } from '../realtime/protocol'
import type { RoomState } from '../realtime/roomState'

export const partName = (one: Pick<Participant, 'part'>): string => byCode('part', one.part)

export const spoken = (room: RoomState): string => room.language_confirmed ?? room.language

export const pair = (room: RoomState): string =>
  t('call.pair', { from: languageName(spoken(room)), to: languageName(room.officer_language) })

/** Second line of a tile: what the person speaks or hears. */
export function detail(one: Participant, room: RoomState): string {
  if (one.part === 'interpreter' && one.relay) {
    const pivot = languageName(one.relay.pivot)
    return one.relay.leg === 1
      ? t('call.pair', { from: languageName(spoken(room)), to: pivot })
      : t('call.pair', { from: pivot, to: languageName(room.officer_language) })
  }
  if (one.part === 'interpreter') return pair(room)
  if (one.part === 'applicant') return t('call.hears', { language: languageName(spoken(room)) })
  return languageName(room.officer_language)
}

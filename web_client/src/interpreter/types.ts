/** Shapes of the interpreter's pages (docs/protocol.md, section 1). */
import type { Country, Mode, Stage } from '../api/types'

export type OfferView = {
  id: string
  round: number
  kind: 'now' | 'appointment'
  language: string
  officer_language: string
  stage: Stage
  minutes: number
  country: Country
  authority_kind: string
  who: { age: 'child' | 'adult'; wish: 'none' | 'woman' | 'man' }
  mode: Mode
  video: boolean
  sent_at: string
  expires_at: string
  ring_s: number
  starts_at: string | null
  zone: string | null
  /** `language`: a short call that only finds out the language. */
  purpose?: 'language' | null
  /** Of such a call: what it may be, the likeliest first. */
  candidates?: string[]
  /** Information to groups at several posts; nobody is interviewed. */
  briefing: boolean
}
export type AssignmentView = {
  id: string
  booking_id: string
  session_id: string | null
  stage: Stage
  language: string
  starts_at: string
  ends_at: string
  zone: string
  state: 'confirmed' | 'join_open' | 'live' | 'done' | 'released'
  country: Country
  /** A group briefing: its room is another page. */
  briefing: boolean
}
export type Presence = { wanted: 'available' | 'away'; state: 'available' | 'busy' | 'away'; since: string }
export type Home = {
  interpreter_id: string
  code: string
  presence: Presence
  ring: OfferView | null
  today: AssignmentView[]
  offers: OfferView[]
  minutes_today: number
  max_minutes: number
  next_break_min: number | null
  devices_checked_at: string | null
  zone: string
  live_session_id: string | null
  /** Accepted, while the second interpreter is looked for. */
  held: { booking_id: string; kind: 'now' | 'appointment'; until: string | null } | null
}
export type DeclineReason =
  | 'not_now'
  | 'knows_person'
  | 'related'
  | 'same_centre'
  | 'community_tension'
  | 'safety'
  | 'language'
  | 'other'
/** Without a session while a second interpreter is still looked for. */
export type Accepted = { session_id: string | null; booking_id: string; starts_at: string; join_by: string }

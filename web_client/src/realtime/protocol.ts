/** Frames of the socket (docs/protocol.md, section 2). Shapes only; what a frame does is in `RealtimeClient` and `roomState`. */
import type { Shown, ShownNumber } from '../aids/words'
import type { Mode, Params, Part } from '../api/types'

export type Position = { epoch: string; seq: number }
export type Grade = 'good' | 'weak' | 'lost'
export type SignalKind = 'pause' | 'repeat' | 'slower' | 'shorter' | 'cannot_hear' | 'break' | 'correct' | 'concern'
export type RecuseReason = 'knows_person' | 'related' | 'same_centre' | 'community_tension' | 'safety' | 'language' | 'other'
export type Outcome = 'completed' | 'stopped' | 'rebooked'
export type Want = { send_audio: boolean; send_video: boolean; receive_audio: boolean; receive_video: boolean }

/** Why somebody is out of a room: on purpose, the session has ended, the place was given to somebody else. */
export type LeftWhy = 'left' | 'ended' | 'withdrawn'
export type Participant = {
  id: string
  part: Part
  code: string | null
  state: 'present' | 'lost' | 'left'
  audio: boolean
  video: boolean
  has_audio: boolean
  has_video: boolean
  grade: Grade | null
  speaking: boolean
  since: string
  /** Of an interpreter in a relay: 1 between the person and `pivot`, 2 between `pivot` and the officer. */
  relay?: { leg: 1 | 2; pivot: string }
  /** In the room by telephone. */
  phone?: boolean
  /** Of somebody who is `left`. */
  reason?: LeftWhy
}
export type Signal = { signal_id: string; kind: SignalKind; from: string; at: string }
/** The step-down ladder as everybody in the room sees it. */
export type Ladder = {
  version: number
  mode: Mode
  medium: 'video' | 'audio' | 'phone'
  block_limit_min: number
  sound_only: boolean
  phone: PhoneStep[]
  /** Places that can be telephoned at all. */
  callable: string[]
  offered: Rung[]
  closed: { rung: Rung; why: string }[]
  agreement: { answer: 'asked' | 'yes' | 'no'; how: 'own_screen' | 'interpreter' | null } | null
  stop: { reason: string; at: string } | null
  repeat: { from: string; seconds: number } | null
}
export type Rung = 'video' | 'audio' | 'phone' | 'callback' | 'cards'
/** One person's telephone. `at`: when it is rung, while it is counted down. `browser`: their page is open. */
export type PhoneStep = {
  place: string
  state: 'waiting' | 'placing' | 'queued' | 'ringing' | 'asked' | 'held' | 'in_room' | 'ended' | 'offer' | 'closed'
  why: string | null
  at: string | null
  browser: boolean
}
export type LogEntry = { seq: number; at: string; kind: string; data: Params; hash: string }
/** The newest news of each aid; `n` counts, so that the later one wins. */
export type Aids = {
  'aids.number'?: Shown
  'aids.terms'?: { n: number }
  'desk.finder'?: { candidates: string[]; minutes: number }
}
export type SessionState = 'waiting' | 'active' | 'paused' | 'ended'
export type RoomSnapshot = {
  session_id: string
  state: SessionState
  state_since: string
  pause_reason: string | null
  mode: Mode
  step_code: string
  language: string
  language_confirmed: string | null
  officer_language: string
  interpreting_s: number
  block_limit_min: number
  you: string
  participants: Participant[]
  signals: Signal[]
  log: LogEntry[]
  case_ref: string | null
  fallback?: Ladder | null
  aids?: Aids
  position: Position
}

export type RoomEvent =
  | { name: 'participant.joined' | 'participant.changed'; data: Participant }
  | { name: 'participant.left'; data: { id: string; reason: LeftWhy } }
  | { name: 'speaking'; data: { id: string; on: boolean } }
  | { name: 'quality'; data: { id: string; grade: Grade } }
  | { name: 'session.changed'; data: { state: SessionState; at: string; reason: string | null; interpreting_s: number } }
  | { name: 'signal.raised'; data: Signal }
  | { name: 'signal.cleared'; data: { signal_id: string; by: string } }
  | { name: 'language.confirmed'; data: { code: string } }
  | { name: 'log.appended'; data: LogEntry }
  | { name: 'fallback.changed'; data: Ladder }
  | { name: 'room.closed'; data: { reason: string } }
  | { name: 'speech.changed'; data: { version: number } }
  | { name: 'aids.number'; data: Shown }
  | { name: 'aids.terms'; data: { n: number } }

export type LadderMessage =
  | { t: 'room.phone'; do: 'ring' | 'stop' | 'back'; place: string }
  | { t: 'room.sound_only'; on: boolean }
  | { t: 'room.agree'; yes: boolean }
  | { t: 'room.go_on'; after: 'stop' | 'repeat' }

export type ClientMessage =
  | { t: 'media.start'; want: Want }
  | { t: 'media.answer'; generation: number; negotiation: number; sdp: string }
  | { t: 'media.candidate'; generation: number; candidate: string | null; mid: string | null }
  | { t: 'media.set'; audio: boolean; video: boolean; receive_video: boolean; why?: 'camera_off' | 'weak_line' | 'sound_only' }
  | { t: 'room.pause'; reason: 'break' }
  | { t: 'room.resume' }
  | { t: 'room.leave' }
  | { t: 'room.end'; outcome: Outcome; reason?: string }
  | { t: 'room.signal'; kind: SignalKind }
  | { t: 'room.got_it'; signal_id: string }
  | { t: 'room.language'; code: string }
  | { t: 'room.recuse'; reason: RecuseReason }
  | LadderMessage
  | { t: 'room.speech'; do: 'state' | 'agree' | 'refuse' }
  | { t: 'room.number'; number: ShownNumber }
  | { t: 'room.number_clear'; n: number }

export type Welcome = {
  t: 'welcome'
  re: string
  v: number
  connection: string
  secret: string
  heartbeat_s: number
  positions: Record<string, Position>
  replay: Record<string, 'continued' | 'snapshot'>
  room: RoomSnapshot | null
  server_time: string
}
export type SocketProblem = { code: string; params: Params; detail: string }
export type Reply =
  | { t: 'reply'; re: string; ok: true; data?: unknown }
  | { t: 'reply'; re: string; ok: false; problem: SocketProblem }
export type EventFrame = { t: 'event'; topic: string; epoch: string; seq: number; name: string; at: string; data: unknown }
export type MediaOffer = {
  t: 'media.offer'
  generation: number
  negotiation: number
  sdp: string
  tracks: { mid: string; participant_id: string; kind: 'audio' | 'video' }[]
  /** With the first offer of a connection: the credentials of a relay expire within minutes, those of the join are old by now. */
  ice_servers?: RTCIceServer[]
}
export type ServerFrame =
  | Welcome
  | Reply
  | EventFrame
  | MediaOffer
  | { t: 'pong'; re: string; server_time: string }
  | { t: 'bye'; code: string; params: Params }

/** Close codes of the server. */
export const closed = {
  done: 1000,
  badMessage: 4400,
  signedOut: 4401,
  refused: 4403,
  noHeartbeat: 4408,
  tooSlow: 4409,
  replaced: 4410,
  tooMany: 4429,
  restart: 1012,
} as const

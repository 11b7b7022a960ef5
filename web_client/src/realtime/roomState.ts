/** The state of a room as this browser knows it: a snapshot, moved on by numbered events. Pure: no clock, no socket. */
import type { EventFrame, LeftWhy, Participant, RoomEvent, RoomSnapshot } from './protocol'

export type RoomState = Omit<RoomSnapshot, 'position'> & {
  /** When `interpreting_s` was true (instant of the server); it runs on from there while the session is active. */
  counted_at: string
  /** Why the room was closed; nothing follows after that. */
  closed: string | null
  /** Version of the draft transcript, when it changed since this page came. */
  draft?: number
}

/** Log entries that the page keeps. */
export const logKept = 30

/** `at` is the server's time of the snapshot. */
export function fromSnapshot(snapshot: RoomSnapshot, at: string): RoomState {
  const { position: _, ...rest } = snapshot
  // Taken just after the end (which the server may call sealed already): its news were told before we came.
  const closed = ['ended', 'sealed', 'not_held'].includes(rest.state) ? rest.state : null
  return { ...rest, log: rest.log.slice(-logKept), counted_at: at, closed }
}

const changed = (state: RoomState, id: string, change: Partial<Participant>): RoomState => ({
  ...state,
  participants: state.participants.map((one) => (one.id === id ? { ...one, ...change } : one)),
})

/** The state after one event. Unknown events and events about unknown people leave it as it is. */
export function applied(state: RoomState, frame: Pick<EventFrame, 'name' | 'data'>): RoomState {
  const event = frame as RoomEvent
  switch (event.name) {
    case 'participant.joined':
    case 'participant.changed': {
      const known = state.participants.some((one) => one.id === event.data.id)
      if (known) return changed(state, event.data.id, event.data)
      return { ...state, participants: [...state.participants, event.data] }
    }
    case 'participant.left':
      return changed(state, event.data.id, {
        state: 'left',
        reason: event.data.reason,
        has_audio: false,
        has_video: false,
        speaking: false,
        grade: null,
      })
    case 'speaking':
      return changed(state, event.data.id, { speaking: event.data.on })
    case 'quality':
      return changed(state, event.data.id, { grade: event.data.grade })
    case 'session.changed': {
      const { state: now, at, reason, interpreting_s } = event.data
      const pause_reason = now === 'paused' ? reason : null
      return { ...state, state: now, state_since: at, pause_reason, interpreting_s, counted_at: at }
    }
    case 'signal.raised':
      if (state.signals.some((one) => one.signal_id === event.data.signal_id)) return state
      return { ...state, signals: [...state.signals, event.data] }
    case 'signal.cleared':
      return { ...state, signals: state.signals.filter((one) => one.signal_id !== event.data.signal_id) }
    case 'language.confirmed':
      return { ...state, language_confirmed: event.data.code }
    case 'log.appended':
      // Everybody but the officer gets entries empty: only their number counts.
      if (!event.data.kind) return state
      if (state.log.some((one) => one.seq === event.data.seq)) return state
      return { ...state, log: [...state.log, event.data].sort((a, b) => a.seq - b.seq).slice(-logKept) }
    case 'speech.changed':
      return { ...state, draft: event.data.version }
    case 'aids.number':
    case 'aids.terms':
      // Two people may press at once: the later one stands on every screen.
      if ((state.aids?.[event.name]?.n ?? 0) > event.data.n) return state
      return { ...state, aids: { ...state.aids, [event.name]: event.data } }
    case 'fallback.changed': {
      // News may overtake each other between processes: the newest stands.
      if ((state.fallback?.version ?? 0) > event.data.version) return state
      const { mode, block_limit_min } = event.data
      return { ...state, fallback: event.data, mode, block_limit_min }
    }
    case 'room.closed':
      return { ...state, closed: event.data.reason, state: 'ended', signals: [] }
    default:
      return state
  }
}

/** Everybody who has not left, in the fixed order of the tiles: interpreter, person, officer, then guests as they came. */
export function seated(state: RoomState): Participant[] {
  const order = ['interpreter', 'applicant', 'officer', 'guardian', 'lawyer']
  return state.participants
    .filter((one) => one.state !== 'left')
    .map((one, came) => ({ one, came }))
    .sort((a, b) => order.indexOf(a.one.part) - order.indexOf(b.one.part) || a.came - b.came)
    .map(({ one }) => one)
}

export const me = (state: RoomState): Participant | undefined => state.participants.find((one) => one.id === state.you)

/** Why we are out of the room; undefined while we are in it. What closes the room may come after the news that we have left it. */
export function whyOut(state: RoomState): LeftWhy | undefined {
  if (state.closed !== null) return 'ended'
  const mine = me(state)
  return mine?.state === 'left' ? (mine.reason ?? 'left') : undefined
}

/** Seconds of interpreting up to `now` (milliseconds by the server's clock). */
export function interpretedSeconds(state: RoomState, now: number): number {
  const running = state.state === 'active' ? Math.max(0, (now - Date.parse(state.counted_at)) / 1000) : 0
  return state.interpreting_s + running
}

export type BreakMeter = { minutes: number; limit: number; left: number; level: 'calm' | 'soon' | 'over' }

/** Time to a break (S-8): amber five minutes before the limit, red after it. */
export function breakMeter(state: RoomState, now: number): BreakMeter {
  const minutes = Math.floor(interpretedSeconds(state, now) / 60)
  const left = state.block_limit_min - minutes
  return { minutes, limit: state.block_limit_min, left, level: left <= 0 ? 'over' : left <= 5 ? 'soon' : 'calm' }
}

/** Signals of a room as they are shown: for how long, which of them tick, and the concerns that the officer alone receives. Pure. */
import type { Signal, SignalKind } from '../realtime/protocol'
import { me, type RoomState } from '../realtime/roomState'

/** How long a signal is shown, in milliseconds; those that need an answer stay longer. */
const shownFor = (kind: SignalKind): number =>
  kind === 'pause' || kind === 'break' || kind === 'cannot_hear' || kind === 'concern' ? 60_000 : 10_000

/** Those that are still to be shown at `now`, milliseconds by the server's clock. */
export const stillShown = (signals: readonly Signal[], now: number): Signal[] =>
  signals.filter((one) => now - Date.parse(one.at) < shownFor(one.kind))

/** Whether a signal is heard: what cannot wait, of somebody else, and never in the ear of a person who is speaking. */
export const ticks = (signal: Signal, room: RoomState): boolean =>
  (signal.kind === 'pause' || signal.kind === 'break') && signal.from !== room.you && !me(room)?.speaking

/** The concerns with one more, if it is a new one of this session; the same list otherwise. */
export function withConcern(
  concerns: Signal[],
  data: Omit<Signal, 'at'> & { at?: string; session_id?: string },
  session: string | undefined,
  at: string,
): Signal[] {
  if (data.kind !== 'concern' || data.session_id !== session) return concerns
  if (concerns.some((one) => one.signal_id === data.signal_id)) return concerns
  return [...concerns, { ...data, at: data.at ?? at }]
}

/** The socket's news of rosters: what is told goes to `hear`; what may be old asks `stale` for a reading, so does each ten seconds without a socket. */
import type { EventFrame } from '../realtime/protocol'
import { tab } from '../realtime/tab'

/** Several news of one act are read once. */
export const quietMs = 250
/** While no socket is there. */
const fallbackMs = 10_000

/** Follows topics until the returned function is called. */
export function listen(topics: readonly string[], hear: (frame: EventFrame) => void, stale: () => void): () => void {
  const stops = topics.map((topic) => tab.follow(topic, { event: hear, stale }))
  const poll = setInterval(() => {
    if (tab.state !== 'open') stale()
  }, fallbackMs)
  return () => {
    clearInterval(poll)
    for (const stop of stops) stop()
  }
}

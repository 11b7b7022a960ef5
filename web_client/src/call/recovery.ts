/** When a media connection is taken as dead and a new one is asked for. Pure: facts and times in, a decision out. */
import { silenceLimit } from './quality'

export type MediaFacts = {
  connection: RTCPeerConnectionState
  /** Since when the connection is in this state. */
  since: number
  /** When the last sound packet came in; undefined before the first. */
  heardAt: number | undefined
  /** When anything at all last came in; the node sends reports at least once a second. */
  flowAt: number
  /** Somebody else is here whose sound should flow. */
  expectSound: boolean
  /** Since when sound is expected. */
  expectedSince: number
  /** When the attempt under way was begun, if one is. */
  attemptSince: number | undefined
  attempts: number
}

const disconnectedLimit = 3000
/** Nothing at all has come in for so long: the far end is gone, whatever the browser believes. */
const deadLimit = 4500
/** One attempt may take this long before the next is made; a line that is too slow for that gets more time, up to the node's own limit. */
const attemptLimit = (attempts: number): number => 9000 + 2000 * Math.min(Math.max(attempts - 1, 0), 3)

/** Pause before the next attempt after one that came to nothing. */
export const pause = (attempts: number): number => [0, 500, 1000, 2000, 4000][Math.min(attempts, 4)] ?? 4000

export type RestartReason = 'failed' | 'disconnected' | 'dead' | 'silent' | 'stuck'

/** Why a new connection is needed now, if it is. */
export function needsRestart(facts: MediaFacts, now: number): RestartReason | undefined {
  if (facts.attemptSince !== undefined) return now - facts.attemptSince > attemptLimit(facts.attempts) ? 'stuck' : undefined
  if (facts.connection === 'failed' || facts.connection === 'closed') return 'failed'
  if (facts.connection === 'disconnected' && now - facts.since > disconnectedLimit) return 'disconnected'
  if (facts.connection === 'connected' && now - Math.max(facts.flowAt, facts.since) > deadLimit) return 'dead'
  if (facts.connection === 'connected' && facts.expectSound) {
    const quiet = now - Math.max(facts.heardAt ?? 0, facts.expectedSince, facts.since)
    if (quiet > silenceLimit) return 'silent'
  }
  return undefined
}

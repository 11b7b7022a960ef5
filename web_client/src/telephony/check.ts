/** What a page makes of the newest call by which a number is confirmed. */
import type { OwnNumber } from './types'

type Check = OwnNumber['check']
const SAID = ['declined', 'pin_refused', 'no_answer', 'busy']

/** Whether the call still runs: the code can be typed. */
export const underWay = (check: Check): boolean => check !== null && check.state !== 'ended'

/** Why the call that is over confirmed nothing, as one of the five reasons that have a sentence; none if there is nothing to say. */
export function checkFailed(check: Check): string | undefined {
  if (check === null || check.state !== 'ended' || check.why === 'confirmed') return undefined
  return check.why !== null && SAID.includes(check.why) ? check.why : 'failed'
}

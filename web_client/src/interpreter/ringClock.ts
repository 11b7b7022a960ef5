/** The 20 seconds of a ring by the server's clock. Pure. */
import type { OfferView } from './types'

export type RingTime = { left: number; share: number; over: boolean }

/** `now` in milliseconds by the server's clock. `left` counts whole seconds down and reaches 0 only when it is over. */
export function ringTime(offer: Pick<OfferView, 'expires_at' | 'ring_s'>, now: number): RingTime {
  const ms = Date.parse(offer.expires_at) - now
  const whole = offer.ring_s * 1000
  return { left: Math.max(0, Math.ceil(ms / 1000)), share: Math.min(1, Math.max(0, ms / whole)), over: ms <= 0 }
}

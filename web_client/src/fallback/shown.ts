/** What of the step-down ladder stands on somebody's screen now, the weightiest first. Pure: facts and time in, a list out. */
import type { PhoneStep } from '../realtime/protocol'
import type { RoomState } from '../realtime/roomState'

/** A lost line has so long to come back before the phone is rung (the server's RING_AFTER), in seconds. */
export const ringAfter = 20

export type Who = 'interpreter' | 'officer' | 'me'
export type Shown =
  | { kind: 'stop'; reason: string }
  | { kind: 'agree'; answer: 'asked' | 'no' }
  | { kind: 'wait'; who: Who; place: string; seconds: number; local: boolean }
  | { kind: 'ringing'; who: Who; place: string; state: string }
  | { kind: 'repeat'; seconds: number }
  | { kind: 'offer'; why: string; place: string; calls: boolean }
  | { kind: 'closed'; why: string }
  | { kind: 'on_phone'; who: Who; place: string; mayReturn: boolean }
  | { kind: 'sound_only' }

type Seen = { officer: boolean; lostSince: number | undefined; now: number; online: boolean }

/** `lostSince`: since when the own line is lost, on the same clock as `now` (milliseconds of the server). */
export function shown(room: RoomState, { officer, lostSince, now, online }: Seen): Shown[] {
  const ladder = room.fallback
  if (!ladder) return []
  const list: Shown[] = []
  const who = (place: string): Who =>
    place === room.you ? 'me' : room.participants.find((one) => one.id === place)?.part === 'officer' ? 'officer' : 'interpreter'
  if (ladder.stop && officer) list.push({ kind: 'stop', reason: ladder.stop.reason })
  if (ladder.agreement?.answer === 'asked') list.push({ kind: 'agree', answer: 'asked' })
  const mine = ladder.phone.find((one) => one.place === room.you)
  if (lostSince !== undefined && !mine && ladder.callable.includes(room.you)) list.push(own(room.you, lostSince, now))
  for (const step of ladder.phone) list.push(...one(step, who(step.place), now, ladder.offered.includes('phone'), online))
  if (officer && ladder.repeat) list.push({ kind: 'repeat', seconds: ladder.repeat.seconds })
  const shut = ladder.closed.find((one) => one.rung === 'phone')
  if (officer && shut && ladder.stop?.reason !== shut.why) list.push({ kind: 'closed', why: shut.why })
  if (ladder.sound_only) list.push({ kind: 'sound_only' })
  const order = ['stop', 'agree', 'wait', 'ringing', 'repeat', 'offer', 'closed', 'on_phone', 'sound_only']
  return list.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
}

/** The socket may be gone with the line: then this screen counts by itself what the server does. */
function own(place: string, lostSince: number, now: number): Shown {
  const seconds = Math.ceil(ringAfter - (now - lostSince) / 1000)
  return seconds > 0
    ? { kind: 'wait', who: 'me', place, seconds, local: true }
    : { kind: 'ringing', who: 'me', place, state: 'placing' }
}

function one(step: PhoneStep, who: Who, now: number, offered: boolean, online: boolean): Shown[] {
  const { place, state } = step
  if (state === 'in_room') return [{ kind: 'on_phone', who, place, mayReturn: who === 'me' && online }]
  if (state === 'waiting' && step.at) {
    const seconds = Math.ceil((Date.parse(step.at) - now) / 1000)
    if (seconds > 0) return [{ kind: 'wait', who, place, seconds, local: false }]
    return [{ kind: 'ringing', who, place, state: 'placing' }]
  }
  if (state === 'offer') return [{ kind: 'offer', why: step.why ?? 'line_lost', place, calls: offered }]
  if (state === 'closed' || state === 'ended') return []
  return [{ kind: 'ringing', who, place, state }]
}

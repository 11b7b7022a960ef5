/** The board as cards in three lanes: a snapshot over HTTP, moved on by `board.changed`. Pure. */
import type { Country } from '../api/types'

export type BoardCard = {
  booking_id: string
  session_id: string | null
  case_ref: string
  /** A group briefing, which has no case. */
  briefing_id: string | null
  country: Country
  site: string
  language: string
  step_code: string
  priority: string
  since: string
  /** When an appointment begins; `null` for a request for now. */
  starts_at: string | null
  rung: number
  rungs: number
  ringing: number
  interpreter_code: string | null
  must: 'woman' | 'man' | null
  needs_you: string | null
  line: 'good' | 'weak' | 'lost' | null
  callback: boolean
  /** Rings nobody: the last people are kept for booked work. */
  kept_back: boolean
  /** Of a session that runs without a pause: when a break is due. */
  break_at: string | null
  paused: boolean
}
export type Partner = { country: Country; name: string; contact: string; languages: string[] }
export type Talk = { interpreter_id: string; code: string; rings: number; declines: number }
export type Surge = { country: Country; state: 'green' | 'amber' | 'red'; since: string | null }
export type OnCall = {
  interpreter_id: string
  code: string
  report_in_min: number
  until: string
  means: string[]
  online: boolean
  called_at: string | null
  called_state: 'waiting' | 'sending' | 'sent' | 'late' | null
  fits: boolean
}
export type Numbers = {
  longest_wait_s: number | null
  typical_wait_s: number | null
  p90_wait_s: number | null
  n: number
  free_now: number
  live_now: number
  on_call: number
}
export type Lane = 'waiting' | 'ringing' | 'live'
export type Board = {
  at: string
  numbers: Numbers
  surge: Surge[]
  talks: Talk[]
  means: string[]
  partners: Partner[]
} & Record<Lane, BoardCard[]>
export type BoardChange = { card: BoardCard | null; lane: Lane | 'gone'; booking_id: string; numbers?: Partial<Numbers> | null }

export const lanes: readonly Lane[] = ['waiting', 'ringing', 'live']

/** Seconds until the break of a session is due, negative when it is overdue; none while it pauses or has none to come. */
export function breakIn(card: Pick<BoardCard, 'break_at' | 'paused'>, now: number): number | undefined {
  return card.paused || !card.break_at || now <= 0 ? undefined : (Date.parse(card.break_at) - now) / 1000
}

/** Waiting and ringing: what needs a hand first, then priority, then the longest wait. Live: a lost line, an overdue break, a weak line, then the longest. */
export function sorted(lane: Lane, cards: readonly BoardCard[], now = 0): BoardCard[] {
  const overdue = (one: BoardCard) => (breakIn(one, now) ?? 1) <= 0
  const trouble = (one: BoardCard) => (one.line === 'lost' ? 0 : overdue(one) ? 1 : one.line === 'weak' ? 2 : 3)
  return [...cards].sort(
    (a, b) =>
      (lane === 'live'
        ? trouble(a) - trouble(b)
        : Number(b.needs_you !== null) - Number(a.needs_you !== null) || a.priority.localeCompare(b.priority)) ||
      a.since.localeCompare(b.since) ||
      a.booking_id.localeCompare(b.booking_id),
  )
}

/** The board after one change; a card stands in one lane at a time. */
export function changed(board: Board, change: BoardChange): Board {
  const next: Board = { ...board, numbers: { ...board.numbers, ...change.numbers } }
  for (const lane of lanes) {
    const rest = board[lane].filter((one) => one.booking_id !== change.booking_id)
    next[lane] = lane === change.lane && change.card ? sorted(lane, [...rest, change.card]) : rest
  }
  return next
}

/** The server's longest wait grows by the second until the next news: `at` is when it was told, both in milliseconds. */
export function longestWait(numbers: Numbers, at: number, now: number): number {
  if (!numbers.longest_wait_s) return 0
  return numbers.longest_wait_s + Math.max(0, Math.floor((now - at) / 1000))
}

import { describe, expect, test } from 'vitest'
import type { LeftWhy, Participant, RoomEvent, RoomSnapshot } from './protocol'
import { applied, breakMeter, fromSnapshot, interpretedSeconds, logKept, seated, whyOut } from './roomState'
import { Turns } from './turns'

const at0 = '2026-11-22T08:00:00.000Z'
const person = (id: string, part: Participant['part']): Participant => ({
  id,
  part,
  code: null,
  state: 'present',
  audio: true,
  video: true,
  has_audio: false,
  has_video: false,
  grade: null,
  speaking: false,
  since: at0,
})
const empty = (): RoomSnapshot => ({
  session_id: 's',
  state: 'waiting',
  state_since: at0,
  pause_reason: null,
  mode: 'open',
  step_code: 'RS.identification',
  language: 'apc',
  language_confirmed: null,
  officer_language: 'srp',
  interpreting_s: 0,
  block_limit_min: 45,
  you: 'o',
  participants: [person('o', 'officer')],
  signals: [],
  log: [],
  case_ref: null,
  position: { epoch: 'e', seq: 0 },
})

/** A server written differently from the client: it holds the room as maps and tells what it did. */
class Server {
  people = new Map<string, Participant>([['o', person('o', 'officer')]])
  signals = new Map<string, { signal_id: string; kind: 'slower'; from: string; at: string }>()
  log: RoomSnapshot['log'] = []
  facts = { state: 'waiting' as RoomSnapshot['state'], state_since: at0, pause_reason: null as string | null, interpreting_s: 0 }
  language: string | null = null
  seq = 0

  snapshot(): RoomSnapshot {
    const { state, state_since, pause_reason, interpreting_s } = this.facts
    return structuredClone({
      ...empty(),
      state,
      state_since,
      pause_reason,
      interpreting_s,
      language_confirmed: this.language,
      participants: [...this.people.values()],
      signals: [...this.signals.values()],
      log: this.log.slice(-logKept),
      position: { epoch: 'e', seq: this.seq },
    })
  }

  act(random: () => number): RoomEvent {
    this.seq += 1
    const pick = <T>(of: T[]): T => of[Math.floor(random() * of.length)] as T
    const id = pick(['o', 'i', 'a', 'g'])
    const known = this.people.get(id)
    const kind = Math.floor(random() * 9)
    if (kind === 0 || !known) {
      const fresh = known ?? person(id, ({ o: 'officer', i: 'interpreter', a: 'applicant', g: 'guardian' } as const)[id as 'o'])
      const one = { ...fresh, state: 'present' as const }
      this.people.set(id, one)
      return { name: 'participant.joined', data: structuredClone(one) }
    }
    if (kind === 1) {
      Object.assign(known, { state: pick(['present', 'lost']), audio: random() < 0.5, has_audio: random() < 0.5 })
      return { name: 'participant.changed', data: structuredClone(known) }
    }
    if (kind === 2) {
      Object.assign(known, { state: 'left', reason: 'left', has_audio: false, has_video: false, speaking: false, grade: null })
      return { name: 'participant.left', data: { id, reason: 'left' } }
    }
    if (kind === 3) {
      known.speaking = random() < 0.5
      return { name: 'speaking', data: { id, on: known.speaking } }
    }
    if (kind === 4) {
      known.grade = pick(['good', 'weak', 'lost'])
      return { name: 'quality', data: { id, grade: known.grade } }
    }
    if (kind === 5) {
      const state = pick<RoomSnapshot['state']>(['active', 'paused'])
      const reason = state === 'paused' ? 'break' : null
      this.facts = { state, state_since: `t${this.seq}`, pause_reason: reason, interpreting_s: this.facts.interpreting_s + 60 }
      return {
        name: 'session.changed',
        data: { state, at: this.facts.state_since, reason, interpreting_s: this.facts.interpreting_s },
      }
    }
    if (kind === 6) {
      const signal = { signal_id: `x${this.seq}`, kind: 'slower' as const, from: id, at: at0 }
      this.signals.set(signal.signal_id, signal)
      return { name: 'signal.raised', data: signal }
    }
    if (kind === 7) {
      const first = [...this.signals.keys()][0] ?? 'none'
      this.signals.delete(first)
      return { name: 'signal.cleared', data: { signal_id: first, by: id } }
    }
    const entry = { seq: this.log.length + 1, at: at0, kind: 'signal', data: {}, hash: 'h' }
    this.log.push(entry)
    return { name: 'log.appended', data: entry }
  }
}

describe('room state', () => {
  test('a snapshot and the events after it give the next snapshot, for 200 random histories', () => {
    for (let run = 1; run <= 200; run++) {
      let seed = run * 7919
      const random = () => {
        seed = (seed * 16807) % 2147483647
        return seed / 2147483647
      }
      const server = new Server()
      for (let i = 0; i < random() * 40; i++) server.act(random)
      let state = fromSnapshot(server.snapshot(), at0)
      for (let i = 0; i < 60; i++) state = applied(state, server.act(random))
      const expected = fromSnapshot(server.snapshot(), at0)
      expect({ ...state, counted_at: at0 }, `run ${run}`).toEqual(expected)
    }
  })

  test('a state taken just after the end is one of a room that is closed', () => {
    expect(fromSnapshot({ ...empty(), state: 'ended' }, at0).closed).toBe('ended')
    expect(fromSnapshot(empty(), at0).closed).toBeNull()
  })

  test('unknown news, news about strangers and emptied log entries change nothing', () => {
    const state = fromSnapshot(empty(), at0)
    expect(applied(state, { name: 'weather', data: {} })).toBe(state)
    expect(applied(state, { name: 'speaking', data: { id: 'nobody', on: true } })).toEqual(state)
    expect(applied(state, { name: 'log.appended', data: {} })).toBe(state)
  })

  test('lines of the log stand in their own order, however the news came', () => {
    let state = fromSnapshot(empty(), at0)
    for (const seq of [8, 7, 9])
      state = applied(state, { name: 'log.appended', data: { seq, at: at0, kind: 'paused', data: {}, hash: '' } })
    expect(state.log.map((one) => one.seq)).toEqual([7, 8, 9])
  })

  test('tiles keep their order whoever comes first', () => {
    let state = fromSnapshot(empty(), at0)
    for (const one of [person('g', 'guardian'), person('a', 'applicant'), person('i', 'interpreter')])
      state = applied(state, { name: 'participant.joined', data: one })
    expect(seated(state).map((one) => one.id)).toEqual(['i', 'a', 'o', 'g'])
    state = applied(state, { name: 'participant.left', data: { id: 'a', reason: 'left' } })
    expect(seated(state).map((one) => one.id)).toEqual(['i', 'o', 'g'])
  })

  test('whoever is out of the room knows why from the same piece of news, whatever comes first', () => {
    const inside = applied(fromSnapshot(empty(), at0), { name: 'participant.joined', data: person('o', 'officer') })
    expect(whyOut(inside)).toBeUndefined()
    const left = (reason: LeftWhy) => applied(inside, { name: 'participant.left', data: { id: 'o', reason } })
    expect(whyOut(left('left'))).toBe('left')
    expect(whyOut(left('withdrawn'))).toBe('withdrawn')
    // The end is told by `room.closed` a moment later.
    expect(whyOut(left('ended'))).toBe('ended')
    const changed = { ...person('o', 'officer'), state: 'left' as const, reason: 'ended' as const }
    expect(whyOut(applied(inside, { name: 'participant.changed', data: changed }))).toBe('ended')
    expect(whyOut(applied(inside, { name: 'room.closed', data: { reason: 'finished' } }))).toBe('ended')
  })

  test('time to a break runs while the session is active and stands still in a break', () => {
    const start = Date.parse(at0)
    let state = applied(fromSnapshot(empty(), at0), {
      name: 'session.changed',
      data: { state: 'active', at: at0, reason: null, interpreting_s: 2300 },
    })
    expect(interpretedSeconds(state, start + 10_000)).toBe(2310)
    expect(breakMeter(state, start)).toEqual({ minutes: 38, limit: 45, left: 7, level: 'calm' })
    expect(breakMeter(state, start + 120_000).level).toBe('soon')
    expect(breakMeter(state, start + 420_000).level).toBe('over')
    state = applied(state, { name: 'session.changed', data: { state: 'paused', at: at0, reason: 'break', interpreting_s: 2400 } })
    expect(interpretedSeconds(state, start + 900_000)).toBe(2400)
    expect(state.pause_reason).toBe('break')
  })
})

describe('turns', () => {
  test('short breaths belong to one turn, bars are shares of the window', () => {
    const turns = new Turns(100_000)
    turns.note('i', 'interpreter', true, 10_000)
    turns.note('i', 'interpreter', false, 20_000)
    turns.note('i', 'interpreter', true, 20_800)
    turns.note('i', 'interpreter', false, 30_000)
    turns.note('o', 'officer', true, 90_000)
    expect(turns.lane('interpreter', 100_000)).toEqual([{ start: 0.1, length: 0.2, running: false }])
    expect(turns.lane('officer', 100_000)).toEqual([{ start: 0.9, length: 0.1, running: true }])
    expect(turns.current(100_000)).toEqual({ id: 'o', part: 'officer', seconds: 10 })
    turns.stop(101_000)
    expect(turns.current(110_000)).toBeUndefined()
    expect(turns.lane('interpreter', 200_000)).toEqual([])
  })
})

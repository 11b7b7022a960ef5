import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { catalogue } from '../api/catalogue.svelte'
import type { CaseDetail, CaseSummary, Catalogue, Outlook } from '../api/types'
import { show, want } from '../i18n/index.svelte'
import { clocksOf } from '../i18n/zoned'
import { caseSign } from './states'
import { expectation, gateId, heldAt, heldHows, minuteKey, recordable, roundUp, timeline } from './view'

const outlook = (o: Partial<Outlook>): Outlook => ({
  free_now: 6,
  free_few: false,
  wish_met: null,
  expected: { basis: 'measured', p50_s: 42, p90_s: 100, n: 37 },
  national_only: true,
  ...o,
})

beforeAll(async () => {
  await show('en')
  await want('desk')
})

describe.each(['UTC', 'Asia/Tokyo', 'Europe/Skopje'])('when a step was held, on a device that is set to %s', (device) => {
  beforeAll(() => vi.stubEnv('TZ', device))
  afterAll(() => vi.unstubAllEnvs())
  const skopje = clocksOf('MK')
  const opened = new Date('2026-11-22T07:05:30.250Z')
  const now = new Date('2026-11-22T08:00:10Z')

  it('is written by the clocks of the place', () => expect(minuteKey(now, skopje)).toBe('2026-11-22T09:00'))

  it('leaves this minute to the clock of the server', () => {
    expect(heldAt(minuteKey(now, skopje), opened.toISOString(), now, skopje)).toBeUndefined()
  })

  it('is never before the case was opened, of which the field knows no seconds', () => {
    const sent = heldAt(minuteKey(opened, skopje), opened.toISOString(), now, skopje)
    expect(Date.parse(sent ?? '')).toBeGreaterThan(opened.getTime())
    expect(heldAt('2026-11-22T08:30', opened.toISOString(), now, skopje)).toBe('2026-11-22T07:30:00.000Z')
  })

  it('stands in the timeline as it was there', () => {
    const step = { id: 'step_1', code: 'MK-ID', state: 'held', held_at: '2026-08-22T07:00:00Z', sessions: [] }
    const c = { country: 'MK', steps: [step], current_step_id: null, next: 'none' } as unknown as CaseDetail
    expect(timeline(c)[0]?.steps[0]?.detail).toMatch(/09:00$/)
  })
})

describe('expectation', () => {
  it('rounds a promise up and names its basis', () => {
    const { title, detail } = expectation(outlook({}))
    expect(title).toBe('Most likely within 50 s')
    expect(detail).toContain('9 of 10 of the last 37 were answered within 1 min 40 s.')
  })

  it('promises nothing that was not measured', () => {
    const { title, detail } = expectation(outlook({ expected: { basis: 'none', p50_s: null, p90_s: null, n: 2 } }))
    expect(title).toBe('6 matching interpreters are free now.')
    expect(detail).not.toMatch(/within/)
  })

  it('says few instead of a small number', () => {
    expect(expectation(outlook({ free_now: 0, free_few: true })).detail).toContain('A few matching interpreters')
  })

  it.each([
    [1, 10],
    [41, 50],
    [50, 50],
    [111, 120],
    [121, 180],
  ])('%i s becomes %i s', (have, want) => {
    expect(roundUp(have)).toBe(want)
  })
})

describe('timeline', () => {
  const step = (id: string, code: string, state: 'held' | 'planned', sessions: object[] = []) => ({
    id,
    code,
    state,
    planned_at: '2026-11-22T08:00:00Z',
    held_at: null,
    held_how: null,
    sessions,
  })
  const c = {
    current_step_id: 's2',
    steps: [
      step('s1', 'RS-ID-10', 'held', [
        {
          id: 'x1',
          state: 'sealed',
          started_at: '2026-11-22T08:00:00Z',
          ended_at: null,
          minutes: 6,
          interpreter_code: 'I-0417',
          outcome: 'completed',
        },
        { id: 'x2', state: 'not_held', started_at: null, ended_at: null, minutes: null, interpreter_code: null, outcome: null },
      ]),
      step('s2', 'RS-REG-10', 'planned'),
    ],
  } as unknown as CaseDetail

  it('groups by stage and leads from a held step to the record that exists', () => {
    const stages = timeline(c)
    expect(stages.map((s) => s.id)).toEqual(['identification', 'registration'])
    expect(stages[0]?.steps[0]).toMatchObject({ state: 'done', href: '/sessions/x1' })
    expect(stages[0]?.steps[0]?.detail).toContain('with I-0417, 6 min')
    expect(stages[1]?.steps[0]).toMatchObject({ state: 'now', href: undefined })
  })

  it.each([
    ['interpreter_in_person', 'held in person'],
    ['no_talk', 'without a talk'],
  ])('says of a step without a session that it was held outside: %s', (held_how, words) => {
    const held = { ...step('s3', 'RS-VUL-10', 'held'), held_at: '2026-11-22T08:00:00Z', held_how }
    const shown = timeline({ ...c, steps: [held] } as unknown as CaseDetail)[0]?.steps[0]
    expect(shown).toMatchObject({ state: 'done', href: undefined })
    expect(shown?.detail).toContain(words)
  })

  it('does not call an interpreter booked while one is looked for again', () => {
    const booked = { ...step('s2', 'RS-REG-10', 'planned'), state: 'scheduled' }
    const shown = (next: string) => timeline({ ...c, next, steps: [booked] } as unknown as CaseDetail)[0]?.steps[0]?.detail
    expect(shown('join')).toBe('interpreter is booked')
    expect(shown('waiting')).toBe('Looking for an interpreter')
  })

  it('offers to note only steps that wait without an open request', () => {
    const postponed = { ...step('s3', 'RS-ASY-10', 'planned'), state: 'postponed' }
    const booked = { ...step('s4', 'RS-ASY-20', 'planned'), state: 'scheduled' }
    const bookings = (state: string) => [{ step_id: 's3', state }]
    const of = (state: string) =>
      recordable({ ...c, steps: [...c.steps, postponed, booked], bookings: bookings(state) } as unknown as CaseDetail).map(
        (s) => s.id,
      )
    expect(of('offering')).toEqual(['s2'])
    expect(of('cancelled')).toEqual(['s2', 's3'])
  })

  it('offers no talk only where the catalogue is known to allow it', () => {
    const steps = [
      { code: 'RS-VUL-10', interpretation: 'expected' },
      { code: 'RS-ASY-50', interpretation: 'mandatory' },
    ]
    catalogue.data = { steps } as unknown as Catalogue
    expect(heldHows('RS-VUL-10')).toEqual(['interpreter_in_person', 'no_talk'])
    expect(heldHows('RS-ASY-50')).toEqual(['interpreter_in_person'])
    catalogue.data = undefined
    expect(heldHows('RS-VUL-10')).toEqual(['interpreter_in_person'])
  })
})

describe('gateId', () => {
  it('keeps the same rule for two steps apart', () => {
    const gate = (step: string) => gateId({ code: 'required_step', state: 'ok', rule: '1.7', action: null, params: { step } })
    expect(gate('RS-VUL-10')).not.toBe(gate('RS-VUL-20'))
  })
})

describe('what the list of cases says', () => {
  const sign = (next: CaseSummary['next']) =>
    caseSign({
      id: 'case_1',
      state: 'open',
      next,
      booking_id: 'booking_1',
      session_id: null,
      languages: [{}],
    } as unknown as CaseSummary)

  it('does not look for anybody once somebody has agreed, or the time is held', () => {
    expect(sign('waiting').text).toBe('case.sign.waiting')
    expect(sign('agreed')).toMatchObject({ tone: 'ok', text: 'booking.state.assigned', href: '/bookings/booking_1' })
    expect(sign('held')).toMatchObject({ text: 'booking.state.held', href: '/bookings/booking_1' })
  })
})

/** What an entry of the audit log says in words: the thing that an action is about, and what was done to it. The code stands beside. */

/** By the last word of an action. Words that say the same to an auditor stand together. */
const done: Readonly<Record<string, readonly string[]>> = {
  viewed: ['viewed', 'read'],
  opened: ['opened'],
  drawn: ['drawn'],
  created: [
    'created',
    'added',
    'made',
    'begun',
    'started',
    'filed',
    'applied',
    'subscribed',
    'booked',
    'entered',
    'planned',
    'found',
  ],
  changed: ['changed', 'set', 'corrected', 'refreshed', 'switched', 'paper', 'test', 'training', 'level', 'widened', 'repair'],
  removed: ['removed', 'dropped', 'forgotten'],
  closed: ['closed', 'ended', 'finished'],
  asked: ['requested', 'asked', 'called', 'in'],
  decided: ['decided', 'approved', 'settled', 'placed'],
  confirmed: ['confirmed'],
  refused: ['rejected', 'declined'],
  accepted: ['accepted', 'taken'],
  given_up: ['cancelled', 'released', 'withdrawn'],
  linked: ['linked', 'received'],
  exported: ['exported'],
  paid: ['paid'],
  checked: ['checked'],
  locked: ['disabled'],
  unlocked: ['enabled'],
  published: ['published'],
  held: ['held', 'elsewhere'],
  moved: ['moved', 'postponed'],
  used: ['used'],
}
const whole: Readonly<Record<string, string>> = {
  'user.signed_in': 'signed_in',
  'user.signed_out': 'signed_out',
  'booking.held': 'created',
  'booking.called_in': 'asked',
}
const things = new Set(
  (
    'assignment audit booking briefing calendar case complaint gate holiday interpreter ladder line member offer pay phone plan presence ' +
    'push rate review roster series session speech step surge swap talk terms transcript user'
  ).split(' '),
)

/** The ends of the keys `audit.thing.` and `audit.did.` for a dotted action; `other` where there is no word for it. */
export function wordsOf(action: string): { thing: string; did: string } {
  const area = action.split('.')[0] ?? ''
  const last = action.split(/[._]/).at(-1) ?? ''
  const did = whole[action] ?? Object.keys(done).find((key) => done[key]?.includes(last)) ?? 'other'
  return { thing: things.has(area) ? area : 'other', did }
}

export type Period = 'all' | 'day' | 'week' | 'month' | 'days'
const long: Readonly<Record<Exclude<Period, 'all' | 'days'>, number>> = { day: 1, week: 7, month: 30 }

/** A day of this machine as an instant: its beginning, or with `end` the beginning of the next. */
const midnight = (day: string, end = false): string => {
  const [y, m, d] = day.split('-').map(Number) as [number, number, number]
  return new Date(y, m - 1, d + (end ? 1 : 0)).toISOString()
}

/** From when and until when is looked for. */
export function span(period: Period, from: string, to: string, at: number): { from?: string; to?: string } {
  if (period === 'all') return {}
  if (period === 'days') return { from: midnight(from), to: midnight(to, true) }
  return { from: new Date(at - long[period] * 86_400_000).toISOString() }
}

/** Details of an entry as short pieces `name value`; flags that are true are their name. */
export function detailsOf(data: Readonly<Record<string, unknown>>): string[] {
  const plain = (value: unknown): string => (Array.isArray(value) ? value.map(plain).join(', ') : String(value))
  return Object.entries(data)
    .filter(([, value]) => value !== null && value !== false && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => (value === true ? name : `${name} ${plain(value)}`))
}

/** What the administrators' pages read, which field a refusal belongs to, and how a first password is made. */
import type { components } from '../api/schema.gen'
import type { Country, Role } from '../api/types'
import { session } from '../auth/session.svelte'
import type { AppError } from '../lib/errors'

export type Account = components['schemas']['UserOut']
export type AccountPage = components['schemas']['UserPage']
export type Membership = { role: Role; country: Country }

export const roles: readonly Role[] = ['interviewer', 'interpreter', 'coordinator', 'administrator', 'auditor']
export const officerLanguages = ['srp', 'mkd', 'sqi', 'eng'] as const
/** As the server checks it. */
export const codeShape = /^[A-Za-z][A-Za-z0-9-]{1,15}$/

/** Countries in which the one signed in may give roles. */
export const ownCountries = (): Country[] => [
  ...new Set(session.me?.memberships.filter((m) => m.role === 'administrator').map((m) => m.country)),
]
/** Somebody with a role elsewhere too is changed by who administers both countries. */
export const inHand = (account: Account, own: readonly Country[]): boolean =>
  account.memberships.every((m) => own.includes(m.country))

export type AccountState = 'locked' | 'waits' | 'no_password' | 'open'
export const stateOf = (account: Account): AccountState =>
  account.disabled ? 'locked' : account.waits_until ? 'waits' : account.has_password ? 'open' : 'no_password'

const fields = {
  code: ['code_malformed', 'code_taken'],
  roles: ['roles_missing', 'not_yourself', 'country_not_yours'],
  site: ['site_missing', 'site_country', 'site_unknown'],
} as const
export type Field = keyof typeof fields
/** The field beside which a refusal stands; none: above the form. */
export const fieldOf = (error: AppError | undefined): Field | undefined =>
  (Object.keys(fields) as Field[]).find((one) => (fields[one] as readonly string[]).includes(error?.code ?? ''))

/** Nothing that is mistaken for something else when it is read out or written down: no i, l, o, 0, 1. */
const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
const group = 4
const length = 16

/** A first password: 79 bits, in groups of four, so that it can be said on the phone. Never one that the server refuses. */
export function newPassword(code: string): string {
  const top = 256 - (256 % letters.length)
  for (;;) {
    let text = ''
    while (text.length < length) {
      for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
        if (byte < top && text.length < length) text += letters[byte % letters.length]
      }
    }
    const password = text.replace(new RegExp(`.{${group}}(?=.)`, 'g'), '$&-')
    if (new Set(text).size >= 6 && !password.includes(code.trim().toLowerCase() || ' ')) return password
  }
}

/** Who is signed in, as the server says; roles only decide what is offered, the server decides what is allowed. */
import { api, onSignedOut, setCsrf } from '../api/client'
import type { Me, Role } from '../api/types'
import type { Locale } from '../i18n/locales'
import { AppError } from '../lib/errors'

let asking: Promise<boolean> | undefined

class Session {
  me = $state.raw<Me | undefined>()
  /** Signs out by choice: then nobody is asked to sign in again. */
  leaving = false

  has(role: Role): boolean {
    return this.me?.memberships.some((m) => m.role === role) ?? false
  }

  /** The page that a person starts with. */
  get home(): string {
    if (this.has('interviewer')) return '/cases'
    if (this.has('interpreter')) return '/today'
    if (this.has('coordinator')) return '/board'
    if (this.has('auditor')) return '/audit'
    return this.has('administrator') ? '/accounts' : '/account'
  }

  take(me: Me): void {
    this.me = me
    setCsrf(me.csrf)
  }

  /** Reads the profile; nobody signed in is not an error here. */
  async load(): Promise<void> {
    try {
      this.take(await api.get<Me>('/api/me'))
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.status !== 401) throw thrown
    }
  }

  async signIn(code: string, password: string): Promise<void> {
    this.take(await api.post<Me>('/api/sign-in', { code, password }))
  }

  /** Keeps the chosen language in the profile; a failure changes nothing on the screen. */
  async keepLocale(locale: Locale): Promise<void> {
    if (this.me && this.me.locale !== locale) this.take(await api.patch<Me>('/api/me', { locale }))
  }
}

export const session = new Session()

onSignedOut(() => {
  if (!session.me || session.leaving) return Promise.resolve(false)
  asking ??= import('./again')
    .then((m) => m.again())
    .catch(() => false)
    .finally(() => {
      asking = undefined
    })
  return asking
})

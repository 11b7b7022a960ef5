/** Signing out. Without a line it cannot be done; it is tried again as soon as there is one, and said until then. */
import { api } from '../api/client'
import { net } from '../api/net.svelte'
import { type AppError, asAppError } from '../lib/errors'
import { session } from './session.svelte'

class Leave {
  /** Why the person is still signed in although they pressed "Sign out". */
  error = $state.raw<AppError | undefined>()
  #stop: (() => void) | undefined

  /** The document is loaded anew, so that nothing that was shown or written stays for whoever comes next. */
  now = async (): Promise<void> => {
    this.#stop?.()
    this.error = undefined
    session.leaving = true
    try {
      await api.post('/api/sign-out')
    } catch (thrown) {
      const error = asAppError(thrown)
      if (error.status !== 401) {
        session.leaving = false
        this.error = error
        this.#stop = net.onBack(() => void this.now())
        return
      }
    }
    location.assign('/sign-in')
  }
}

export const leave = new Leave()

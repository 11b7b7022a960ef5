/** Signing out. Without a line it cannot be done; it is tried again as soon as there is one, and said until then. Leaves nothing behind. */
import { api } from '../api/client'
import { net } from '../api/net.svelte'
import { type AppError, asAppError } from '../lib/errors'
import { tidy, wipe } from './leftovers'
import { session } from './session.svelte'

class Leave {
  /** Why the person is still signed in although they pressed "Sign out". */
  error = $state.raw<AppError | undefined>()
  /** Under way: nothing more is done with this page. */
  busy = $state(false)
  #stop: (() => void) | undefined

  /** The document is loaded anew, so that nothing that was shown or written stays for whoever comes next. */
  now = async (): Promise<void> => {
    if (this.busy) return
    this.busy = true
    this.#stop?.()
    this.error = undefined
    session.leaving = true
    try {
      await tidy().catch(() => undefined)
      await api.post('/api/sign-out')
    } catch (thrown) {
      const error = asAppError(thrown)
      if (error.status !== 401) {
        session.leaving = this.busy = false
        this.error = error
        this.#stop = net.onBack(() => void this.now())
        return
      }
    }
    wipe()
    location.replace('/sign-in')
  }
}

export const leave = new Leave()

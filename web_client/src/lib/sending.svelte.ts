import { type AppError, asAppError } from './errors'

/** One request of a dialog or a form: whether it is on its way, and what the server refused it for. */
export class Sending {
  busy = $state(false)
  error: AppError | undefined = $state.raw()

  /** Runs it; says whether it succeeded. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    this.busy = true
    this.error = undefined
    try {
      await work()
      return true
    } catch (thrown) {
      this.error = asAppError(thrown)
      return false
    } finally {
      this.busy = false
    }
  }

  /** Forgets what was refused. */
  clear(): void {
    this.error = undefined
  }
}

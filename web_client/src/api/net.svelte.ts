/** Whether the server can be reached now. Set by the client's own answers, not by the browser's guess alone. */

const probeEvery = 4000
/** A round trip takes a second on the worst lines that we serve, and several when the connection is made first. */
const probeLimit = 8000

/** What stands before the server answers, and the server itself does not. */
export const away = (status: number): boolean => status >= 502 && status <= 504

class Net {
  online = $state(true)
  /** When the line was lost; the banner says since when. */
  lostAt = $state<Date | undefined>()
  #probe: ReturnType<typeof setInterval> | undefined
  #back = new Set<() => void>()

  lost(): void {
    if (!this.online) return
    this.online = false
    this.lostAt = new Date()
    this.#probe = setInterval(() => void this.check(), probeEvery)
  }

  found(): void {
    if (this.online) return
    this.online = true
    this.lostAt = undefined
    clearInterval(this.#probe)
    for (const run of this.#back) run()
  }

  /** Asks the server for a sign of life. */
  async check(): Promise<void> {
    try {
      const answer = await fetch('/livez', { cache: 'no-store', signal: AbortSignal.timeout(probeLimit) })
      if (away(answer.status)) this.lost()
      else this.found()
    } catch {
      this.lost()
    }
  }

  /** Runs `again` each time the line comes back; returns how to stop that. */
  onBack(again: () => void): () => void {
    this.#back.add(again)
    return () => this.#back.delete(again)
  }

  /** Whether there is a line, now or within `ms`. */
  back(ms: number): Promise<boolean> {
    if (this.online) return Promise.resolve(true)
    return new Promise((done) => {
      const stop = this.onBack(() => done(true))
      setTimeout(() => {
        stop()
        done(false)
      }, ms)
    })
  }

  listen(): void {
    addEventListener('offline', () => this.lost())
    addEventListener('online', () => void this.check())
  }
}

export const net = new Net()

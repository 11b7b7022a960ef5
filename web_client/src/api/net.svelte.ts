/** Whether the server can be reached now. Set by the client's own answers, not by the browser's guess alone. */

const probeEvery = 4000

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
      await fetch('/livez', { cache: 'no-store', signal: AbortSignal.timeout(3000) })
      this.found()
    } catch {
      this.lost()
    }
  }

  /** Runs `again` each time the line comes back; returns how to stop that. */
  onBack(again: () => void): () => void {
    this.#back.add(again)
    return () => this.#back.delete(again)
  }

  listen(): void {
    addEventListener('offline', () => this.lost())
    addEventListener('online', () => void this.check())
  }
}

export const net = new Net()

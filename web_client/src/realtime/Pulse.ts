/**
 * Whether a socket is alive, and what time the server has: a ping on every beat, silence taken as death, and the shortest round trip
 * setting the clock. It sends through `ping` and says `dead`; what follows from that is not decided here.
 */

export class Pulse {
  #ping: () => string
  #dead: () => void
  #beat: ReturnType<typeof setInterval> | undefined
  #pings = new Map<string, number>()
  #heardAt = 0
  #offset = 0
  #bestTrip = Number.POSITIVE_INFINITY

  /** `ping` sends one and returns its id; `dead` is called when nothing comes back. */
  constructor(ping: () => string, dead: () => void) {
    this.#ping = ping
    this.#dead = dead
  }

  /** Milliseconds since the epoch by the server's clock. */
  now(): number {
    return Date.now() + this.#offset
  }

  /** A line stands: beats every `every` milliseconds, from a server whose clock shows `serverTime`. */
  start(every: number, serverTime: string): void {
    this.#offset = Date.parse(serverTime) - Date.now()
    this.#bestTrip = Number.POSITIVE_INFINITY
    clearInterval(this.#beat)
    this.#beat = setInterval(() => {
      if (Date.now() - this.#heardAt > every * 1.8) this.#dead()
      else this.probe()
    }, every)
  }

  /** The line is gone; the clock stays as it was. */
  stop(): void {
    clearInterval(this.#beat)
    this.#beat = undefined
    this.#pings.clear()
  }

  /** Anything at all came in. */
  heard(): void {
    this.#heardAt = Date.now()
  }

  /** Asks the server for a sign; with `limit`, total silence for so many milliseconds means that the line is dead. */
  probe(limit?: number): void {
    if (this.#beat === undefined) return
    const at = Date.now()
    const id = this.#ping()
    this.#pings.set(id, at)
    if (limit === undefined) return
    setTimeout(() => {
      if (this.#pings.has(id) && Date.now() - this.#heardAt >= limit) this.#dead()
    }, limit)
  }

  /** The answer to a ping. */
  pong(re: string, serverTime: string): void {
    const sent = this.#pings.get(re)
    this.#pings.delete(re)
    if (sent === undefined) return
    const trip = Date.now() - sent
    if (trip > this.#bestTrip) return
    this.#bestTrip = trip
    this.#offset = Date.parse(serverTime) + trip / 2 - Date.now()
  }
}

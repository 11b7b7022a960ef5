/** Numbered news of one topic: handed on in order, each once; a hole that does not fill asks for a snapshot. No sockets in here. */
import type { EventFrame, Position } from './protocol'

/** Frames kept while a hole may still fill, and delivered ones kept in case a snapshot turns out to be older. */
const room = 64
/** How long a hole may stay open, in milliseconds. */
const patience = 400

export class TopicLog {
  #last: Position | undefined
  #early = new Map<number, EventFrame>()
  #recent: EventFrame[] = []
  #hole: ReturnType<typeof setTimeout> | undefined
  readonly #deliver: (frame: EventFrame) => void
  readonly #gap: () => void

  /** `deliver` gets each frame once and in order; `gap` is called when frames are missing for good. */
  constructor(deliver: (frame: EventFrame) => void, gap: () => void) {
    this.#deliver = deliver
    this.#gap = gap
  }

  /** The place up to which everything was delivered. */
  get position(): Position | undefined {
    return this.#last
  }

  /** A state was taken at `position`: `show` puts it in place, then everything newer that we hold is delivered on top of it. */
  stand(position: Position, show: () => void): void {
    for (const frame of this.#recent) if (frame.epoch === position.epoch) this.#early.set(frame.seq, frame)
    this.#recent = []
    this.#last = { epoch: position.epoch, seq: position.seq }
    for (const [seq, frame] of [...this.#early])
      if (frame.epoch !== position.epoch || seq <= position.seq) this.#early.delete(seq)
    show()
    this.#drain()
  }

  /** A frame from the wire. Before the first `stand` frames wait for it. */
  take(frame: EventFrame): void {
    const last = this.#last
    if (last !== undefined && frame.epoch === last.epoch) {
      if (frame.seq <= last.seq) return
      if (frame.seq === last.seq + 1) {
        this.#pass(frame)
        this.#drain()
        return
      }
    } else if (last !== undefined) {
      for (const [seq, kept] of [...this.#early]) if (kept.epoch !== frame.epoch) this.#early.delete(seq)
    }
    this.#early.set(frame.seq, frame)
    if (last === undefined) {
      if (this.#early.size > room) this.#early.delete(Math.min(...this.#early.keys()))
    } else if (frame.epoch !== last.epoch || this.#early.size > room) this.#giveUp()
    else this.#hole ??= setTimeout(() => this.#giveUp(), patience)
  }

  close(): void {
    clearTimeout(this.#hole)
    this.#hole = undefined
    this.#early.clear()
    this.#recent = []
  }

  #pass(frame: EventFrame): void {
    this.#last = { epoch: frame.epoch, seq: frame.seq }
    this.#recent.push(frame)
    if (this.#recent.length > room) this.#recent.shift()
    this.#deliver(frame)
  }

  #drain(): void {
    for (;;) {
      const last = this.#last
      const next = last && this.#early.get(last.seq + 1)
      if (!last || !next || next.epoch !== last.epoch) break
      this.#early.delete(next.seq)
      this.#pass(next)
    }
    if (this.#early.size === 0) {
      clearTimeout(this.#hole)
      this.#hole = undefined
    } else if (this.#last !== undefined) this.#hole ??= setTimeout(() => this.#giveUp(), patience)
  }

  #giveUp(): void {
    clearTimeout(this.#hole)
    this.#hole = undefined
    this.#gap()
  }
}

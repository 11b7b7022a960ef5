/** The topics of one client: a log for each, and which of them were asked for by ourselves. Asking itself is not done here. */
import type { EventFrame, Position } from './protocol'
import { TopicLog } from './TopicLog'

export class Topics {
  /** Topics that we asked for ourselves; those of the ticket or the grant come by themselves. */
  readonly wanted = new Set<string>()
  #logs = new Map<string, TopicLog>()
  #deliver: (frame: EventFrame) => void
  #gap: (topic: string) => void

  /** `deliver` gets each frame once and in order; `gap` is called when frames of a topic are missing for good. */
  constructor(deliver: (frame: EventFrame) => void, gap: (topic: string) => void) {
    this.#deliver = deliver
    this.#gap = gap
  }

  /** The log of a topic, begun when it is needed first. */
  log(topic: string): TopicLog {
    let log = this.#logs.get(topic)
    if (!log) {
      log = new TopicLog(this.#deliver, () => this.#gap(topic))
      this.#logs.set(topic, log)
    }
    return log
  }

  /** Whether `log` is still the log of its topic; it is not after `forget`. */
  holds(topic: string, log: TopicLog): boolean {
    return this.#logs.get(topic) === log
  }

  /** How far we are in each topic that has a state. */
  positions(): Record<string, Position> {
    return Object.fromEntries([...this.#logs].flatMap(([topic, log]) => (log.position ? [[topic, log.position]] : [])))
  }

  forget(topic: string): void {
    this.#logs.get(topic)?.close()
    this.#logs.delete(topic)
  }

  close(): void {
    for (const log of this.#logs.values()) log.close()
    this.#logs.clear()
  }
}

/**
 * Messages that the server has not answered yet: each is settled exactly once, and what a broken line swallowed can be sent again
 * under the same id. It sends nothing itself and knows no sockets.
 */
import { AppError } from '../lib/errors'
import type { Reply } from './protocol'

type OutFrame = Record<string, unknown> & { id: string }
type Waiting = { frame: OutFrame; resolve: (data: unknown) => void; reject: (error: AppError) => void }

/** How long an answer may take, in milliseconds. */
const replyLimit = 15_000

export class Outbox {
  #waiting = new Map<string, Waiting>()

  /** Holds a frame until it is answered. Rejects with `AppError`: the server's code, `timeout`, `line_lost`, `closed`. */
  hold(frame: OutFrame): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => this.#fail(frame.id, new AppError('timeout')), replyLimit)
      const done =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(limit)
          then(value)
        }
      this.#waiting.set(frame.id, { frame, resolve: done(resolve), reject: done(reject) })
    })
  }

  /** The server's answer; one that nobody waits for is passed over. */
  settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.re)
    if (!waiting) return
    this.#waiting.delete(reply.re)
    if (reply.ok) waiting.resolve(reply.data)
    else waiting.reject(new AppError(reply.problem.code, 0, reply.problem.params, reply.problem.detail))
  }

  /** What has to be sent again on a new line, oldest first. */
  unanswered(): OutFrame[] {
    return [...this.#waiting.values()].map((one) => one.frame)
  }

  /** The line is gone. Media messages speak of a connection that went with it and are given up; the others wait for the next line. */
  lineLost(): void {
    for (const { frame } of [...this.#waiting.values()])
      if (String(frame.t).startsWith('media.')) this.#fail(frame.id, new AppError('line_lost'))
  }

  /** Nothing will be answered any more. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.#fail(id, new AppError('closed'))
  }

  #fail(id: string, error: AppError): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.reject(error)
  }
}

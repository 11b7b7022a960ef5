/** What a call knows of its own line: puts together what the connection says and what flows over it, and names a loss and its end once. */
import type { LinePhase } from './PeerTransport'
import type { LineGrade } from './quality'

export type LineState = { phase: LinePhase; grade: LineGrade; rtt: number | null; bytes: number; lostSince: number | undefined }

export class LineWatch {
  state: LineState = { phase: 'starting', grade: 'good', rtt: null, bytes: 0, lostSince: undefined }
  #everConnected = false
  #turned: (to: 'lost' | 'back') => void

  /** `turned` is called once when the line is lost and once when it stands again. */
  constructor(turned: (to: 'lost' | 'back') => void) {
    this.#turned = turned
  }

  /** News of the line; a line that never stood cannot be lost. Times in milliseconds of this machine. */
  take(change: Partial<Omit<LineState, 'lostSince'>>): LineState {
    if (change.phase === 'connected') this.#everConnected = true
    const was = this.state
    const line = { ...was, ...change }
    const lost = this.#everConnected && line.phase !== 'closed' && (line.phase === 'recovering' || line.grade === 'lost')
    this.state = { ...line, lostSince: lost ? (was.lostSince ?? Date.now()) : undefined }
    if (lost && was.lostSince === undefined) this.#turned('lost')
    if (!lost && was.lostSince !== undefined && line.phase === 'connected') this.#turned('back')
    return this.state
  }
}

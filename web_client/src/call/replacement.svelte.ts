/** The search for another interpreter while the session stays: started by the officer, followed until somebody takes it. */
import { api } from '../api/client'
import type { BookingView } from '../api/types'
import { AppError, asAppError } from '../lib/errors'
import { tab } from '../realtime/tab'

export class Replacement {
  booking = $state.raw<BookingView | undefined>()
  busy = $state(false)
  error = $state.raw<AppError | undefined>()
  #stop: (() => void) | undefined
  #searched = false
  #sessionId: string

  constructor(sessionId: string) {
    this.#sessionId = sessionId
  }

  /** How the search stands; undefined while none is known. */
  get search(): 'ringing' | 'none' | 'found' | undefined {
    const state = this.booking?.state
    if (state === 'offering' || state === 'requested') return 'ringing'
    if (state === 'unfilled' || state === 'missed') return 'none'
    return this.#searched && (state === 'assigned' || state === 'in_session') ? 'found' : undefined
  }

  /** People rung now. */
  get ringing(): number {
    return this.booking?.offers.filter((one) => one.state === 'pending').length ?? 0
  }

  /** The server begins to search by itself when an interpreter steps back: shows how that stands. */
  async look(): Promise<void> {
    try {
      const id = await this.#find()
      if (!id) return
      this.booking = await api.get<BookingView>(`/api/bookings/${encodeURIComponent(id)}`)
      this.#follow(id)
    } catch {
      // The banner offers to search by hand.
    }
  }

  async start(): Promise<void> {
    this.busy = true
    this.error = undefined
    try {
      const id = await this.#find()
      if (!id) throw new AppError('booking_unknown', 404)
      this.booking = await api.post<BookingView>(`/api/bookings/${encodeURIComponent(id)}/replace`)
      this.#searched = true
      this.#follow(id)
    } catch (thrown) {
      this.error = asAppError(thrown)
    } finally {
      this.busy = false
    }
  }

  async #find(): Promise<string | null> {
    const record = await api.get<{ case_id: string }>(`/api/sessions/${encodeURIComponent(this.#sessionId)}`)
    const open = await api.get<{ booking_id: string | null; bookings: BookingView[] }>(
      `/api/cases/${encodeURIComponent(record.case_id)}`,
    )
    return open.bookings.find((one) => one.session_id === this.#sessionId)?.id ?? open.booking_id
  }

  close(): void {
    this.#stop?.()
  }

  #follow(id: string): void {
    this.#stop?.()
    this.#stop = tab.follow(`booking:${id}`, {
      event: (frame) => {
        if (frame.name !== 'booking.changed') return
        this.booking = frame.data as BookingView
        if (this.search === 'ringing') this.#searched = true
      },
      stale: () => {
        void api.get<BookingView>(`/api/bookings/${encodeURIComponent(id)}`).then(
          (booking) => {
            this.booking = booking
          },
          () => {
            // The next event brings the state; the banner keeps what it shows.
          },
        )
      },
    })
  }
}

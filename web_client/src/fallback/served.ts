/** Which case and step the running session serves, for what the officer does besides it: a call-back, the phrase cards. */
import { api } from '../api/client'
import type { BookingView, Country } from '../api/types'

export type Served = { caseId: string; stepId: string | undefined; country: Country }

/** Throws what the requests throw. */
export async function served(sessionId: string): Promise<Served> {
  const record = await api.get<{ case_id: string }>(`/api/sessions/${encodeURIComponent(sessionId)}`)
  const file = await api.get<{ country: Country; current_step_id: string | null; bookings: BookingView[] }>(
    `/api/cases/${encodeURIComponent(record.case_id)}`,
  )
  const stepId = file.bookings.find((one) => one.session_id === sessionId)?.step_id ?? file.current_step_id
  return { caseId: record.case_id, stepId: stepId ?? undefined, country: file.country }
}

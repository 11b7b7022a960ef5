/** Addresses that more than one page leads to. */
export const casePath = (id: string): string => `/cases/${id}`
export const bookingPath = (id: string): string => `/bookings/${id}`
export const bookPath = (caseId: string, stepId: string): string => `/cases/${caseId}/book?step=${encodeURIComponent(stepId)}`
/** The phrase cards; with a case, each use is noted there as an aid (M-13). */
export const phrasesPath = (caseId: string, stepId?: string | null): string =>
  `/phrases?case=${encodeURIComponent(caseId)}${stepId ? `&step=${encodeURIComponent(stepId)}` : ''}`
export const recordPath = (sessionId: string): string => `/sessions/${sessionId}`
/** The check of devices and then the call itself; the page there decides whether the check can be skipped. */
export const callPath = (sessionId: string): string => `/calls/${sessionId}`
/** The same for the interpreter of a group briefing. */
export const boothPath = (sessionId: string): string => `/briefings/booth/${sessionId}`

/** How references of this year begin in a country, `RS-26-`: the example beside a field that takes one. */
export const refStart = (country: string, today: Date = new Date()): string =>
  `${country}-${String(today.getFullYear()).slice(2)}-`

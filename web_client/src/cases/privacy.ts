/** Warns before it is sent when a text looks like something that a case must never hold (domain 2.1). The server refuses it too. */

export type Forbidden = 'phone' | 'email' | 'document_number' | 'birth_date' | 'id_number'

const patterns: readonly [Forbidden, RegExp][] = [
  ['email', /[^\s@]+@[^\s@]+\.[^\s@]{2,}/],
  ['id_number', /\b\d{13}\b/],
  ['birth_date', /\b(0?[1-9]|[12]\d|3[01])[./-]\s?(0?[1-9]|1[0-2])[./-]\s?(19|20)\d{2}\b|\b(19|20)\d{2}-\d{2}-\d{2}\b/],
  ['phone', /(\+|00)\d[\d\s/-]{7,}\d|\b0\d{2}[\s/-]?\d{3}[\s/-]?\d{3,4}\b/],
  ['document_number', /\b[A-Z]{1,2}\s?\d{6,9}\b/i],
]

/** The first kind of forbidden data that `text` seems to hold. */
export function forbiddenIn(text: string): Forbidden | undefined {
  const western = text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (d) => String((d.codePointAt(0) ?? 0) & 0xf))
  return patterns.find(([, pattern]) => pattern.test(western))?.[0]
}

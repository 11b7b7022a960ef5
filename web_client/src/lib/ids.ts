/** A fresh random key, such as an Idempotency-Key. */
export const newKey = (): string => crypto.randomUUID?.() ?? `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`

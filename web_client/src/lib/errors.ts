/** What goes wrong, as one type that every page can show: a stable code and the slots of its sentence. */
import type { Params } from '../api/types'

export type FieldError = { field: string; code: string; params: Params; detail: string | undefined }

export class AppError extends Error {
  readonly code: string
  readonly status: number
  readonly params: Params
  readonly detail: string | undefined
  readonly fields: readonly FieldError[]

  constructor(code: string, status = 0, params: Params = {}, detail?: string, fields: readonly FieldError[] = []) {
    super(code)
    this.name = 'AppError'
    this.code = code
    this.status = status
    this.params = params
    this.detail = detail
    this.fields = fields
  }
}

/** Anything thrown, as an `AppError`; an unknown failure becomes `client_fault`. */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  console.error(thrown)
  return new AppError('client_fault')
}

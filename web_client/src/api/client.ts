/** The one way to the server over HTTP: problem+json becomes `AppError`, unsafe methods carry the CSRF value, POSTs a key. */
import { AppError } from '../lib/errors'
import { newKey } from '../lib/ids'
import { net } from './net.svelte'
import type { Problem } from './types'

export type Query = Record<string, string | number | boolean | undefined>
export type Options = { query?: Query; body?: unknown; key?: string; signal?: AbortSignal; timeoutMs?: number }

const patience = 15_000
let csrf = ''
let language = 'en'
let signedOut: () => void = () => {}

/** Set after sign-in and whenever the profile is read anew. */
export const setCsrf = (value: string): void => {
  csrf = value
}
export const setLanguage = (locale: string): void => {
  language = locale
}
/** What happens when the server says that nobody is signed in (401 on anything but the sign-in itself). */
export const onSignedOut = (run: () => void): void => {
  signedOut = run
}

const address = (path: string, query?: Query): string => {
  const pairs = Object.entries(query ?? {}).filter(([, v]) => v !== undefined && v !== '')
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs.map(([k, v]) => [k, String(v)]))}`
}

async function problemOf(answer: Response): Promise<AppError> {
  const told = (await answer.json().catch(() => undefined)) as Problem | undefined
  if (!told?.code) return new AppError(answer.status >= 500 ? 'server_fault' : 'refused', answer.status)
  const fields = (told.fields ?? []).map((f) => ({ field: f.field, code: f.code, params: f.params ?? {}, detail: f.detail }))
  return new AppError(told.code, answer.status, told.params ?? {}, told.detail, fields)
}

/**
 * One request. Throws `AppError`: `offline` (no answer at all), `timeout`, or the server's own code.
 * A caller's abort passes through as the browser's `AbortError`.
 */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': language }
  const raw = options.body instanceof Blob ? options.body : undefined
  if (options.body !== undefined) headers['Content-Type'] = raw?.type ?? 'application/json'
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf
  if (method === 'POST') headers['Idempotency-Key'] = options.key ?? newKey()
  const limit = AbortSignal.timeout(options.timeoutMs ?? patience)
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit
  let answer: Response
  try {
    answer = await fetch(address(path, options.query), {
      method,
      headers,
      signal,
      credentials: 'same-origin',
      ...(options.body === undefined ? {} : { body: raw ?? JSON.stringify(options.body) }),
    })
  } catch (thrown) {
    if (options.signal?.aborted) throw thrown
    if (limit.aborted) throw new AppError('timeout')
    net.lost()
    throw new AppError('offline')
  }
  net.found()
  if (!answer.ok) {
    const error = await problemOf(answer)
    if (answer.status === 401 && path !== '/api/sign-in') signedOut()
    throw error
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) =>
    request<T>('GET', path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) }),
  post: <T>(path: string, body?: unknown, options: Omit<Options, 'body'> = {}) => request<T>('POST', path, { ...options, body }),
  put: <T>(path: string, body: unknown) => request<T>('PUT', path, { body }),
  patch: <T>(path: string, body: unknown) => request<T>('PATCH', path, { body }),
}

/** The one way to the server over HTTP: problem+json becomes `AppError`, unsafe methods carry the CSRF value, POSTs a key. */
import { AppError } from '../lib/errors'
import { newKey } from '../lib/ids'
import { away, net } from './net.svelte'
import type { Problem } from './types'

export type Query = Record<string, string | number | boolean | undefined>
export type Options = {
  query?: Query
  body?: unknown
  key?: string
  signal?: AbortSignal
  timeoutMs?: number /** Neither sign-in nor line is waited for. */
  once?: boolean
}

const patience = 15_000
let csrf = ''
let language = 'en'
let renew = async (): Promise<boolean> => false

/** Set after sign-in and whenever the profile is read anew. */
export const setCsrf = (value: string): void => {
  csrf = value
}
export const setLanguage = (locale: string): void => {
  language = locale
}
/**
 * What is done when the server does not know who asks: 401, or a CSRF value of an earlier sign-in. Resolves to true once the same person is
 * signed in again; the request is then sent once more, so that nothing is lost that was written or pressed.
 */
export const onSignedOut = (run: () => Promise<boolean>): void => {
  renew = run
}

const address = (path: string, query?: Query): string => {
  const pairs = Object.entries(query ?? {}).filter(([, v]) => v !== undefined && v !== '')
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs.map(([k, v]) => [k, String(v)]))}`
}

function problemOf(status: number, text: string): AppError {
  let told: Problem | undefined
  try {
    told = JSON.parse(text)
  } catch {
    // A page of a gateway, not a word of the server.
  }
  if (!told?.code) return new AppError(status >= 500 ? 'server_fault' : 'refused', status)
  const fields = (told.fields ?? []).map((f) => ({ field: f.field, code: f.code, params: f.params ?? {}, detail: f.detail }))
  return new AppError(told.code, status, told.params ?? {}, told.detail, fields)
}

/**
 * One request. Throws `AppError`: `offline` (no answer at all), `timeout`, or the server's own code. A caller's abort passes through as the
 * browser's `AbortError`. What has a `key` the server does once, and a PUT says the same twice: they are sent again when the line is back soon.
 */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': language }
  const raw = options.body instanceof Blob ? options.body : undefined
  const key = options.key ?? newKey()
  const once = options.once ?? path.startsWith('/api/sign-')
  const again = () => request<T>(method, path, { ...options, key, once: true })
  if (options.body !== undefined) headers['Content-Type'] = raw?.type ?? 'application/json'
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf
  if (method === 'POST') headers['Idempotency-Key'] = key
  const limit = AbortSignal.timeout(options.timeoutMs ?? patience)
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit
  let answer: Response | undefined
  let text = ''
  try {
    answer = await fetch(address(path, options.query), {
      method,
      headers,
      signal,
      credentials: 'same-origin',
      ...(options.body === undefined ? {} : { body: raw ?? JSON.stringify(options.body) }),
    })
    text = await answer.text()
  } catch (thrown) {
    if (options.signal?.aborted) throw thrown
    answer = undefined
  }
  const error = !answer
    ? new AppError(limit.aborted ? 'timeout' : 'offline')
    : answer.ok
      ? undefined
      : problemOf(answer.status, text)
  // A gateway speaks for a server that is away; a problem document is the server's own word.
  const gone = error && (!answer || (away(answer.status) && error.code === 'server_fault'))
  if (gone) {
    if (!limit.aborted) net.lost()
    if ((options.key || method === 'PUT') && !once && (await net.back(patience * 4))) return again()
    throw answer ? new AppError('offline', answer.status) : error
  }
  net.found()
  if (!error) return (text ? JSON.parse(text) : undefined) as T
  if (!once && (error.status === 401 || error.code === 'csrf_mismatch') && (await renew())) return again()
  throw error
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) =>
    request<T>('GET', path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) }),
  post: <T>(path: string, body?: unknown, options: Omit<Options, 'body'> = {}) => request<T>('POST', path, { ...options, body }),
  put: <T>(path: string, body: unknown) => request<T>('PUT', path, { body }),
  patch: <T>(path: string, body: unknown) => request<T>('PATCH', path, { body }),
}

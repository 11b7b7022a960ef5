import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AppError } from '../lib/errors'
import { api, onSignedOut, setCsrf } from './client'
import { net } from './net.svelte'

const answer = (status: number, body: unknown) =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
const fetched = vi.fn<typeof fetch>()
const sent = () => new Headers(fetched.mock.calls[0]?.[1]?.headers)

beforeEach(() => {
  vi.stubGlobal('fetch', fetched)
  setCsrf('token')
})
afterEach(() => {
  fetched.mockReset()
  net.found()
  vi.unstubAllGlobals()
})

describe('api', () => {
  it('sends the CSRF value and an idempotency key with a POST, and neither with a GET', async () => {
    fetched.mockImplementation(async () => answer(200, {}))
    await api.post('/api/cases', { a: 1 }, { key: 'k1' })
    expect(sent().get('X-CSRF-Token')).toBe('token')
    expect(sent().get('Idempotency-Key')).toBe('k1')
    fetched.mockClear()
    await api.get('/api/cases', { q: 'RS 26', page: undefined })
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/cases?q=RS+26')
    expect(sent().get('X-CSRF-Token')).toBeNull()
    expect(sent().get('Idempotency-Key')).toBeNull()
  })

  it('turns a problem document into an error with code, slots and fields', async () => {
    fetched.mockResolvedValue(
      answer(409, {
        status: 409,
        code: 'step_locked',
        params: { gate: 'guardian' },
        fields: [{ field: 'site', code: 'site_unknown' }],
      }),
    )
    const error = (await api.post('/api/bookings', {}).catch((e: unknown) => e)) as AppError
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ code: 'step_locked', status: 409, params: { gate: 'guardian' } })
    expect(error.fields).toEqual([{ field: 'site', code: 'site_unknown', params: {}, detail: undefined }])
  })

  it('takes a gateway that answers for the server as no answer, and a fault of the server as one', async () => {
    fetched.mockImplementation(async () => new Response('<html>', { status: 502 }))
    await expect(api.get('/api/me')).rejects.toMatchObject({ code: 'offline', status: 502 })
    expect(net.online).toBe(false)
    fetched.mockImplementation(async () => new Response('<html>', { status: 500 }))
    await expect(api.get('/api/me')).rejects.toMatchObject({ code: 'server_fault', status: 500 })
    expect(net.online).toBe(true)
  })

  it('sends what has a key once more, with that key, when the line is back, and nothing else', async () => {
    fetched.mockRejectedValueOnce(new TypeError('network'))
    const asked = api.post('/api/bookings', {}, { key: 'k1' })
    await vi.waitFor(() => expect(net.online).toBe(false))
    expect(fetched).toHaveBeenCalledTimes(1)
    fetched.mockImplementation(async () => answer(201, { id: 'b' }))
    net.found()
    await expect(asked).resolves.toEqual({ id: 'b' })
    expect(fetched.mock.calls.map(([, init]) => new Headers(init?.headers).get('Idempotency-Key'))).toEqual(['k1', 'k1'])
    fetched.mockRejectedValueOnce(new TypeError('network'))
    await expect(api.post('/api/bookings/b/cancel', {})).rejects.toMatchObject({ code: 'offline' })
  })

  it('takes a connection that breaks in the middle of an answer as no answer', async () => {
    const broken = new Response('{', { status: 200 })
    vi.spyOn(broken, 'text').mockRejectedValue(new TypeError('network'))
    fetched.mockResolvedValueOnce(broken)
    await expect(api.get('/api/cases')).rejects.toMatchObject({ code: 'offline' })
  })

  it('says offline, shows it, and takes it back with the next answer', async () => {
    fetched.mockRejectedValueOnce(new TypeError('network'))
    await expect(api.get('/api/cases')).rejects.toMatchObject({ code: 'offline' })
    expect(net.online).toBe(false)
    fetched.mockResolvedValue(answer(200, {}))
    await api.get('/api/cases')
    expect(net.online).toBe(true)
  })

  it('passes the caller’s own abort through and does not call it offline', async () => {
    const stop = new AbortController()
    fetched.mockImplementation(
      (_, init) => new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))),
    )
    const pending = api.get('/api/cases', undefined, stop.signal)
    stop.abort()
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
    expect(net.online).toBe(true)
  })

  it('tells that nobody is signed in, but not while signing in, and asks once', async () => {
    const out = vi.fn(async () => false)
    onSignedOut(out)
    fetched.mockImplementation(async () => answer(401, { status: 401, code: 'unauthenticated' }))
    await api.post('/api/sign-in', {}).catch(() => undefined)
    expect(out).not.toHaveBeenCalled()
    await api.get('/api/cases').catch(() => undefined)
    expect(out).toHaveBeenCalledOnce()
    out.mockResolvedValue(true)
    await expect(api.get('/api/cases')).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(out).toHaveBeenCalledTimes(2)
  })
})

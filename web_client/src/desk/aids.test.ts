import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api } from '../api/client'
import { session } from '../auth/session.svelte'
import { AppError } from '../lib/errors'
import { tell, used } from './aids'

const post = vi.spyOn(api, 'post')
const signedIn = (code: string | undefined) => {
  session.me = code ? ({ code, csrf: '', memberships: [] } as never) : undefined
}

describe('aids of a case', () => {
  beforeEach(() => {
    localStorage.clear()
    post.mockReset()
    signedIn('O-1183')
  })
  afterEach(() => {
    vi.useRealTimers()
    signedIn(undefined)
  })

  it('are told at once', async () => {
    post.mockResolvedValue({})
    expect(await used('case_1', 'P05', 'ara', 'step_1')).toBe(true)
    expect(post.mock.calls[0]?.[0]).toBe('/api/cases/case_1/aids')
    expect(post.mock.calls[0]?.[1]).toMatchObject({ kind: 'phrase', ref: 'P05', language: 'ara', step_id: 'step_1' })
  })
  it('wait without a line and are told later, once each and with the same key', async () => {
    post.mockRejectedValue(new AppError('offline'))
    expect(await used('case_1', 'P05', 'ara', undefined)).toBe(false)
    const key = post.mock.calls[0]?.[2]?.key
    expect(await used('case_1', 'P06', 'ara', undefined)).toBe(false)
    post.mockReset()
    post.mockResolvedValue({})
    expect(await tell()).toBe(true)
    expect(post.mock.calls.map((call) => (call[1] as { ref: string }).ref)).toEqual(['P05', 'P06'])
    expect(post.mock.calls[0]?.[2]?.key).toBe(key)
    expect(await tell()).toBe(true)
    expect(post).toHaveBeenCalledTimes(2)
  })
  it('that are refused do not hold up the others', async () => {
    post.mockRejectedValueOnce(new AppError('case_closed', 409)).mockResolvedValue({})
    expect(await used('case_1', 'P05', 'ara', undefined)).toBe(true)
    expect(localStorage.getItem('tarjuman.aids')).toBe('[]')
  })
  it('of yesterday are let go', async () => {
    post.mockRejectedValue(new AppError('offline'))
    await used('case_1', 'P05', 'ara', undefined)
    vi.useFakeTimers({ now: Date.now() + 25 * 3600_000 })
    expect(await tell()).toBe(true)
  })
  it('of one person are neither told nor kept by another', async () => {
    post.mockRejectedValue(new AppError('offline'))
    await used('case_1', 'P05', 'ara', undefined)
    post.mockReset()
    signedIn('O-2207')
    expect(await tell()).toBe(true)
    expect(post).not.toHaveBeenCalled()
    expect(localStorage.getItem('tarjuman.aids')).toBe('[]')
  })
  it('are noted without a line only while it is known who works here', async () => {
    signedIn(undefined)
    expect(await used('case_1', 'P05', 'ara', undefined)).toBe(true)
    expect(localStorage.length).toBe(0)
    post.mockRejectedValue(new AppError('offline'))
    localStorage.setItem('tarjuman.owner', 'O-1183')
    expect(await used('case_1', 'P05', 'ara', undefined)).toBe(false)
    signedIn('O-1183')
    post.mockReset()
    post.mockResolvedValue({})
    expect(await tell()).toBe(true)
    expect(post).toHaveBeenCalledTimes(1)
  })
})

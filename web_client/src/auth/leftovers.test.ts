import { beforeEach, describe, expect, it, vi } from 'vitest'
import { api } from '../api/client'
import { used } from '../desk/aids'
import { carried, carry } from '../desk/carry'
import type { Finding } from '../desk/choice'
import { AppError } from '../lib/errors'
import { leave } from './leave.svelte'
import { taken, watch } from './leftovers'
import { owner } from './owner'
import { session } from './session.svelte'

/** A tablet that several officers share: what one leaves must not meet the next. */
const finding: Finding = {
  language: 'pes',
  variant: null,
  fallback: null,
  confidence: 'sure',
  found_by: ['card'],
  confirmed_by: 'person',
}
const post = vi.spyOn(api, 'post')
const replace = vi.spyOn(location, 'replace').mockImplementation(() => undefined)
const signIn = (code: string) => {
  session.me = { code, csrf: '', memberships: [] } as never
  taken(code)
}
/** What lies in this browser and is no choice of the device. */
const left = () =>
  [...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((key) => localStorage.getItem(key) !== '[]')

beforeEach(() => {
  localStorage.clear()
  sessionStorage.clear()
  post.mockReset()
  replace.mockClear()
  session.leaving = leave.busy = false
})

describe('what one person leaves', () => {
  it('goes with the sign-out; what can still be told is told first', async () => {
    signIn('O-1183')
    post.mockRejectedValueOnce(new AppError('offline')).mockResolvedValue(undefined)
    await used('case_1', 'P05', 'ara', undefined)
    carry(finding)
    expect(left()).toEqual(expect.arrayContaining(['tarjuman.aids', 'tarjuman.owner', 'tarjuman.finding']))
    const pressed = leave.now()
    void leave.now()
    await pressed
    expect(post.mock.calls.slice(1).map((call) => call[0])).toEqual(['/api/cases/case_1/aids', '/api/sign-out'])
    expect(left()).toEqual([])
    expect(replace).toHaveBeenCalledWith('/sign-in')
  })

  it('stays with a sign-out that could not be told to the server, and that is said', async () => {
    signIn('O-1183')
    post.mockRejectedValue(new AppError('offline'))
    await leave.now()
    expect(leave.error?.code).toBe('offline')
    expect(leave.busy).toBe(false)
    expect(owner.code).toBe('O-1183')
    expect(replace).not.toHaveBeenCalled()
  })

  it('is dropped when another person is signed in, and kept for the same one', async () => {
    signIn('O-1183')
    post.mockRejectedValue(new AppError('offline'))
    await used('case_1', 'P05', 'ara', undefined)
    carry(finding)
    signIn('O-1183')
    expect(left()).toContain('tarjuman.aids')
    signIn('O-2207')
    expect(left()).toEqual(['tarjuman.owner'])
    expect(carried()).toBeUndefined()
  })

  it('is taken by who made it only', () => {
    signIn('O-1183')
    carry(finding)
    session.me = { code: 'O-2207', csrf: '', memberships: [] } as never
    expect(carried()).toBeUndefined()
    expect(sessionStorage.length).toBe(0)
  })

  it('is not shown on in another tab, but a call goes on', () => {
    signIn('O-1183')
    const stop = watch('O-1183')
    const told = (key: string) => dispatchEvent(new StorageEvent('storage', { key }))
    told('tarjuman.owner')
    expect(replace).not.toHaveBeenCalled()
    owner.clear()
    told('tarjuman.locale')
    expect(replace).not.toHaveBeenCalled()
    history.replaceState(null, '', '/calls/ses_1')
    told('tarjuman.owner')
    expect(replace).not.toHaveBeenCalled()
    history.replaceState(null, '', '/cases/case_1')
    told('tarjuman.owner')
    expect(replace).toHaveBeenCalledWith('/')
    stop()
  })
})

import { describe, expect, it } from 'vitest'
import { AppError } from '../lib/errors'
import { Resource } from './resource.svelte'

describe('Resource', () => {
  it('keeps what was shown when a later reading fails', async () => {
    let fail = false
    const r = new Resource(async () => {
      if (fail) throw new AppError('offline')
      return 1
    })
    await r.load()
    fail = true
    await r.load()
    expect(r.data).toBe(1)
    expect(r.error?.code).toBe('offline')
    expect(r.loading).toBe(false)
  })

  it('lets the newest reading win, whatever order the answers come in', async () => {
    const answers: ((n: number) => void)[] = []
    const r = new Resource<number>(() => new Promise((resolve) => answers.push(resolve)))
    const first = r.load()
    const second = r.load()
    answers[1]?.(2)
    await second
    answers[0]?.(1)
    await first
    expect(r.data).toBe(2)
    expect(r.busy).toBe(false)
  })
})

import { afterEach, describe, expect, it, vi } from 'vitest'
import { match, router } from './router.svelte'

describe('match', () => {
  it('takes parameters out of segments', () => {
    expect(match('/cases/:id/book', '/cases/case_1/book')).toEqual({ id: 'case_1' })
    expect(match('/cases/:id', '/cases/%D0%B0')).toEqual({ id: 'а' })
  })

  it.each([
    ['/cases/:id', '/cases'],
    ['/cases/:id', '/cases/'],
    ['/cases', '/cases/1'],
    ['/cases/new', '/cases/old'],
  ])('%s is not %s', (pattern, path) => {
    expect(match(pattern, path)).toBeUndefined()
  })

  it('does not care about a slash at the end', () => {
    expect(match('/cases', '/cases/')).toEqual({})
  })
})

describe('router', () => {
  afterEach(() => router.go('/'))

  it('keeps the rest of the query when one value changes and drops empty ones', () => {
    router.go('/cases?q=RS&page=3')
    router.setQuery({ page: undefined, language: 'pbt' })
    expect(location.search).toBe('?q=RS&language=pbt')
    expect(router.query.get('page')).toBeNull()
  })

  it('stays when a page with unsaved work says so', () => {
    router.go('/cases/new')
    const may = vi.fn(() => false)
    const free = router.guard(may)
    router.go('/cases')
    expect(router.path).toBe('/cases/new')
    free()
    router.go('/cases')
    expect(router.path).toBe('/cases')
  })
})

import { mount, tick, unmount } from 'svelte'
import { afterEach, expect, it } from 'vitest'
import type { DraftLine } from './draft.svelte'
import Lines from './Lines.svelte'

const line: DraftLine = {
  id: 'a',
  row: 1,
  part: 'officer',
  code: null,
  rendition: false,
  language: 'srp',
  dir: 'ltr',
  from_at: '2026-11-22T08:00:01.000Z',
  to_at: '2026-11-22T08:00:02.000Z',
  text: null,
  corrected: null,
  corrected_part: null,
  missing: 'busy',
  shared: true,
  changed: 1,
}
let page: ReturnType<typeof mount>
const show = (one: Partial<DraftLine>) => {
  page = mount(Lines, { target: document.body, props: { view: { lines: [{ ...line, ...one }] } as never } })
}

afterEach(async () => {
  await unmount(page)
  document.body.innerHTML = ''
})

it('lets an unwritten line be written in either direction', async () => {
  show({})
  document.querySelector<HTMLButtonElement>('[data-line=a] button')?.click()
  await tick()
  expect(document.querySelector('textarea')?.getAttribute('dir')).toBe('auto')
})

it('keeps the direction of what the machine wrote', () => {
  show({ text: 'سلام', dir: 'rtl', language: 'pes', missing: null })
  expect(document.querySelector('.said')?.getAttribute('dir')).toBe('rtl')
})

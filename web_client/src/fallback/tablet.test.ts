import { mount, unmount } from 'svelte'
import { afterEach, expect, it } from 'vitest'
import PersonAsked from './PersonAsked.svelte'

const person = { id: 'tablet', part: 'applicant', state: 'present' }
const room = (interpreter: object, agreement: object | null = null) => ({
  session_id: 'ses_1',
  you: 'tablet',
  participants: [person, { id: 'booth', part: 'interpreter', ...interpreter }],
  fallback: { agreement },
})
let page: ReturnType<typeof mount> | undefined
const show = (one: object) => {
  page = mount(PersonAsked, { target: document.body, props: { controller: {} as never, room: one as never } })
}

afterEach(async () => {
  if (page) await unmount(page)
  document.body.innerHTML = ''
})

it('tells the person that the interpreter cannot be heard, and no more once they are on the phone', async () => {
  show(room({ state: 'lost' }))
  expect(document.querySelectorAll('[role=status]')).toHaveLength(1)
  if (page) await unmount(page)
  show(room({ state: 'present' }))
  expect(document.querySelectorAll('[role=status]')).toHaveLength(0)
  if (page) await unmount(page)
  show(room({ state: 'lost', phone: true }))
  expect(document.querySelectorAll('[role=status]')).toHaveLength(0)
})

it('asks first', () => {
  show(room({ state: 'lost' }, { answer: 'asked', how: null }))
  expect(document.querySelector('[data-testid=phone-yes]')).not.toBeNull()
  expect(document.querySelectorAll('[role=status]')).toHaveLength(0)
})

import { expect, it } from 'vitest'
import { find } from '../routes'
import source from './logLine.ts?raw'

/** Folders of texts from which a line of the log takes words; `call`, `log` and `part` come with every page. */
const areas = ['fallback', 'speech', 'aids']

it('the page of a record brings the words of every line of its log', () => {
  expect(areas.filter((area) => new RegExp(`['\`]${area}\\.`).test(source))).toEqual(areas)
  expect(find('/sessions/session_1')?.route.texts).toEqual(expect.arrayContaining(areas))
})

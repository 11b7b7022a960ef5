// The catalogue of a language for people who write texts: `locales/<language>.json`, and one file for each larger area of the product,
// `locales/<area>/<language>.json`. Browsers fetch it in parts: `core` is what every page needs (the call page above all, which must be
// light), `desk` what the desks of officers and coordinators share, and each area is a part that its own pages name in `routes.ts`.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = new URL('../locales/', import.meta.url)
const pathOf = (name) => fileURLToPath(new URL(name, folder))
const json = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {})

/** Larger areas of the product: the folders. */
export const areas = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort()
/** Languages with files of their own. */
export const languages = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace('.json', ''))
/** The files of a language: the common one, then those of the areas. */
export const filesOf = (language) => [`${language}.json`, ...areas.map((area) => `${area}/${language}.json`)].map(pathOf)
/** All texts of a language. */
export const readCatalogue = (language) => Object.assign({}, ...filesOf(language).map(json))

/** Areas (the key up to the first dot) of the second part. */
const deskAreas = new Set([
  'age',
  'booking',
  'case',
  'fact',
  'form',
  'gate',
  'guardian',
  'interpretation',
  'literacy',
  'match',
  'need',
  'outlook',
  'pager',
  'record',
  'rung',
  'session',
  'source',
  'step',
  'timer',
  'track',
  'uam',
  'waiting',
  'wish',
])
const deskKeys =
  /^(error\.(forbidden_|held_|case_ref_|step_|site_|language_t|must_|arrival_|guardian_|ext_ref|wish_change|wish_not_|interpreter_not_of|second_person|removal_|too_many_avoided|too_many_guests|too_many_topics|not_a_police|slots_)|lang\.group\.)/

export const parts = ['core', 'desk', ...areas]

const partOf = (key) => (deskAreas.has(key.split('.')[0]) || deskKeys.test(key) ? 'desk' : 'core')

/** The texts of one part in one language. */
export const readPart = (language, part) =>
  areas.includes(part)
    ? json(pathOf(`${part}/${language}.json`))
    : Object.fromEntries(Object.entries(json(pathOf(`${language}.json`))).filter(([key]) => partOf(key) === part))

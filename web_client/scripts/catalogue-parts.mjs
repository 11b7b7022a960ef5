// A catalogue is one file per language for people who write texts, and two for browsers: what every page needs (the call page above
// all, which must be light), and what only the desks of officers and coordinators need.

/** Areas (the key up to the first dot) of the second part. */
const deskAreas = new Set([
  'age',
  'board',
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
const deskKeys = /^(error\.(forbidden_|held_|case_ref_|step_|site_|language_t|must_|arrival_|guardian_|ext_ref)|lang\.group\.)/

export const parts = ['core', 'desk']

export const partOf = (key) => (deskAreas.has(key.split('.')[0]) || deskKeys.test(key) ? 'desk' : 'core')

export const onlyPart = (catalogue, part) => Object.fromEntries(Object.entries(catalogue).filter(([key]) => partOf(key) === part))

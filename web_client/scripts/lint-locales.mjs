// Every catalogue has every text, in the plural forms of its language, with the same slots, in its own script.
import { existsSync } from 'node:fs'
import { areas, filesOf, parts, readCatalogue, readPart } from './catalogue-parts.mjs'

const read = readCatalogue
const categories = {
  en: ['one', 'other'],
  'sr-Cyrl': ['one', 'few', 'other'],
  mk: ['one', 'other'],
  sq: ['one', 'other'],
  fa: ['one', 'other'],
  ps: ['one', 'other'],
  ar: ['zero', 'one', 'two', 'few', 'many', 'other'],
}
const script = {
  'sr-Cyrl': /\p{Script=Cyrillic}/u,
  mk: /\p{Script=Cyrillic}/u,
  ar: /\p{Script=Arabic}/u,
  fa: /\p{Script=Arabic}/u,
  ps: /\p{Script=Arabic}/u,
}
const suffix = /_(zero|one|two|few|many|other)$/
const slots = (text) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1])

const english = read('en')
// A counted text has `_one` and `_other` in English; an ending alone proves nothing ("error.too_many" is a code of the server).
const plurals = new Set(
  Object.keys(english)
    .filter((k) => k.endsWith('_one') && english[k.replace(suffix, '_other')] !== undefined)
    .map((k) => k.replace(suffix, '')),
)
const isForm = (key) => suffix.test(key) && plurals.has(key.replace(suffix, ''))
const singles = Object.keys(english).filter((k) => !isForm(k))
const faults = []

for (const part of parts) {
  for (const other of areas) {
    if (other === part) continue
    const mine = readPart('en', part)
    for (const key of Object.keys(readPart('en', other)))
      if (key in mine) faults.push(`en: ${key}: is in ${part} and in ${other}`)
  }
}

for (const [locale, forms] of Object.entries(categories)) {
  const own = read(locale)
  for (const path of filesOf(locale)) if (!existsSync(path)) faults.push(`${locale}: there is no ${path}`)
  const fault = (key, what) => faults.push(`${locale}: ${key}: ${what}`)
  const wanted = new Set([...singles, ...[...plurals].flatMap((base) => forms.map((f) => `${base}_${f}`))])
  for (const key of wanted) if (own[key] === undefined) fault(key, 'is missing')
  for (const [key, text] of Object.entries(own)) {
    if (!wanted.has(key)) {
      fault(key, 'is not in the English catalogue or not a plural form of this language')
      continue
    }
    if (typeof text !== 'string' || text.trim() === '') fault(key, 'is empty')
    const source = english[key] ?? english[key.replace(suffix, '_other')]
    const want = new Set(slots(source))
    const have = new Set(slots(text))
    for (const name of have) if (!want.has(name)) fault(key, `has a slot {{${name}}} that English lacks`)
    // A plural form for one definite number may leave the number out ("one try", the Arabic dual).
    for (const name of want) if (!have.has(name) && !(name === 'count' && isForm(key))) fault(key, `lacks the slot {{${name}}}`)
    const words = text.replace(/\{\{\w+\}\}/g, '').replace(/[^\p{L}]/gu, '')
    const sameInAll = /^(brand|lang\.name\.|call\.alt)/.test(key) || words.length < 3
    if (script[locale] && !sameInAll && !script[locale].test(text)) fault(key, `is not in the script of the language: ${text}`)
    if (/[!]/.test(text)) fault(key, 'has an exclamation mark')
  }
}
// A number that may be one, beside a noun, needs plural forms: "Approve 1 appointments". Where the number is one of the house and never one,
// or where a plural stands in any case ("3 of 20 minutes"), the key is named here; slots that are
// codes, names or limits of the house are named below.
const fixed =
  /^(error\.(hold_too_long|span_wrong|window_wrong|time_in_past|time_too_far|audit_export_too_long)|plans\.why\.numbers|pool\.week\.minutes|roster\.person\.hours|demand\.(strip|score|what\.assumed)|briefings\.posts_n|ring\.talks\.one|aids\.finder|telephony\.say\.offer|language\.helper\.at_least|waiting\.basis)$/
const fixedSlots = new Set([
  'code',
  'interpreter_code',
  'who',
  'ref',
  'from',
  'to',
  'when',
  'rung',
  'most',
  'max_minutes',
  'seconds',
])
for (const key of singles) {
  const beside = [...english[key].matchAll(/\{\{(\w+)\}\}\s+(?:more\s+|other\s+|new\s+)?(people|[a-z]{3,}s)\b/g)]
  if (beside.some(([, slot]) => !fixedSlots.has(slot)) && !fixed.test(key))
    faults.push(`en: ${key}: a number beside a noun has no plural forms: ${english[key]}`)
}

if (faults.length) {
  console.error(faults.join('\n'))
  console.error(`${faults.length} faults in the catalogues`)
  process.exit(1)
}
console.log(`catalogues: ${Object.keys(categories).length} languages, ${singles.length + plurals.size} texts each`)

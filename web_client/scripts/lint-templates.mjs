// No words outside the catalogues: finds literal text and literal names in the markup of .svelte files.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'svelte/compiler'

const root = fileURLToPath(new URL('../src/', import.meta.url))
const spoken = new Set([
  'aria-label',
  'aria-description',
  'aria-valuetext',
  'aria-roledescription',
  'alt',
  'title',
  'placeholder',
  'label',
  'text',
  'hint',
  'example',
])
// Shapes of codes, key names and our own name in the other script are the same in every language.
const same = /^(Alt \/|Esc|O-1183|RS-26-|I-0417|G-0031|Tarjuman|ترجمان|[\p{P}\p{S}\d\s]*)$/u
const faults = []

function walk(node, file, source) {
  if (!node || typeof node !== 'object') return
  if (Array.isArray(node)) return void node.map((n) => walk(n, file, source))
  if (node.type === 'Script' || node.type === 'StyleSheet' || node.type === 'Comment') return
  const at = () => `${file}:${source.slice(0, node.start).split('\n').length}`
  if (node.type === 'Text' && !same.test(node.data.trim())) faults.push(`${at()}: "${node.data.trim()}"`)
  if (node.type === 'Attribute') {
    const parts = Array.isArray(node.value) ? node.value : [node.value]
    for (const part of parts) {
      if (part?.type === 'Text') {
        if (spoken.has(node.name) && !same.test(part.data.trim())) faults.push(`${at()}: ${node.name}="${part.data}"`)
      } else walk(part, file, source)
    }
    return
  }
  for (const [key, value] of Object.entries(node)) {
    if (key === 'css' || key === 'instance' || key === 'module' || key === 'options') continue
    if (value && typeof value === 'object') walk(value, file, source)
  }
}

for (const name of readdirSync(root, { recursive: true })) {
  const file = String(name)
  if (!file.endsWith('.svelte')) continue
  const source = readFileSync(`${root}${file}`, 'utf8')
  walk(parse(source, { modern: true, filename: file }).fragment, `src/${file}`, source)
}
if (faults.length) {
  console.error(`${faults.join('\n')}\n${faults.length} texts outside the catalogues`)
  process.exit(1)
}
console.log('templates: no text outside the catalogues')

// Logical properties only, so that each page is right in both directions; colours only from the tokens; what moves is moved without a new
// layout of the page for each picture, which an old tablet pays with a part of its processor as long as somebody speaks.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../src/', import.meta.url))
const physical =
  /(^|[;{\s])((margin|padding|border|scroll-margin|scroll-padding)-(left|right|top|bottom)[a-z-]*|left|right|top|bottom|(min-|max-)?(width|height)|border-(top|bottom)-(left|right)-radius|overflow-[xy])\s*:/g
const value = /(text-align|float|clear|caption-side)\s*:\s*(left|right)\b/g
const colour = /:\s*[^;]*(#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\()/gi
const mayColour = /^ui\/(tokens|base)\.css$/
// Media queries ask the window, and what scrolls sideways does so in both directions.
const allowed = /@media|@container|overflow-[xy]/
const moves = /^(opacity|transform|translate|rotate|scale|animation-timing-function)$/
const faults = []

for (const name of readdirSync(root, { recursive: true })) {
  const file = String(name)
  if (!/\.(css|svelte)$/.test(file)) continue
  const source = readFileSync(`${root}${file}`, 'utf8')
  const styles = file.endsWith('.css')
    ? source
    : [...source.matchAll(/<style[^>]*>([\s\S]*?)<\/style>/g)].map((m) => m[1]).join('\n')
  const clean = styles.replace(/\/\*[\s\S]*?\*\//g, '').replace(/@font-face[^}]*\}/g, '')
  for (const line of clean.split('\n')) {
    const body = allowed.test(line)
      ? line.replace(/@(media|container)[^{]*\{?/g, '').replace(/overflow-[xy]\s*:[^;]*;?/g, '')
      : line
    for (const found of [...body.matchAll(physical), ...body.matchAll(value)])
      faults.push(`src/${file}: ${found[0].trim()}  in: ${line.trim().slice(0, 100)}`)
    if (!mayColour.test(file))
      for (const found of body.matchAll(colour)) faults.push(`src/${file}: a colour outside the tokens: ${found[0].trim()}`)
  }
  for (const [all, name, frames] of clean.matchAll(/@keyframes\s+([\w-]+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}/g))
    for (const [, property] of (frames ?? all).matchAll(/([a-z-]+)\s*:/g))
      if (!moves.test(property ?? ''))
        faults.push(`src/${file}: @keyframes ${name} animates ${property}: use transform or opacity`)
  for (const inline of source.matchAll(/style(?::([a-z-]+)=|="([^"]*)")/g)) {
    const text = inline[1] ? `${inline[1]}:` : (inline[2] ?? '')
    for (const found of ` ${text}`.matchAll(physical)) faults.push(`src/${file}: ${found[0].trim()} in a style attribute`)
  }
}
if (faults.length) {
  console.error(`${faults.join('\n')}\n${faults.length} faults in the styles`)
  process.exit(1)
}
console.log('styles: logical properties, token colours, and motion without layout only')

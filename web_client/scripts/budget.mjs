// The size gate: what a browser fetches for a page (entry, its static imports, the page's chunk and theirs), gzip -9, kB of 1000 bytes.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const manifestPath = `${dist}.vite/manifest.json`
if (!existsSync(manifestPath)) {
  console.error('No build in dist/. Run: node node_modules/vite/bin/vite.js build')
  process.exit(1)
}
const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'))
const size = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length / 1000

function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen
  seen.add(key)
  for (const next of manifest[key]?.imports ?? []) closure(next, seen)
  return seen
}
function page(...keys) {
  const chunks = new Set(keys.flatMap((key) => [...closure(key)]))
  const css = new Set([...chunks].flatMap((key) => manifest[key].css ?? []))
  const js = [...chunks].map((key) => manifest[key].file).filter((f) => f.endsWith('.js'))
  return { js: js.reduce((sum, f) => sum + size(f), 0), css: [...css].reduce((sum, f) => sum + size(f), 0) }
}
// goal = what we promise; fail = where the gate closes. Texts are counted apart, below.
const pages = [
  { name: 'call', src: 'src/call/CallPage.svelte', js: [45, 60], css: [8, 12] },
  { name: 'sign-in', src: 'src/auth/SignInPage.svelte', js: [45, 60], css: [8, 12] },
  { name: 'cases', src: 'src/cases/CaseListPage.svelte', js: [80, 100], css: [8, 12] },
  { name: 'case', src: 'src/cases/CasePage.svelte', js: [80, 100], css: [8, 12] },
  { name: 'waiting', src: 'src/bookings/WaitingPage.svelte', js: [80, 100], css: [8, 12] },
  { name: 'interpreter home', src: 'src/interpreter/TodayPage.svelte', js: [80, 100], css: [8, 12] },
  { name: 'board', src: 'src/coordinator/BoardPage.svelte', js: [100, 120], css: [8, 12] },
]
let over = 0
const line = (name, what, have, [goal, fail]) => {
  const verdict = have > fail ? 'OVER' : have > goal ? 'above goal' : 'ok'
  if (have > fail) over += 1
  console.log(`${name.padEnd(18)} ${what.padEnd(8)} ${have.toFixed(1).padStart(6)} kB   goal ${goal}, gate ${fail}   ${verdict}`)
}
for (const p of pages) {
  if (!manifest[p.src]) {
    console.log(`${p.name.padEnd(18)} is not in this build`)
    continue
  }
  const { js, css } = page('index.html', p.src)
  line(p.name, 'js gz', js, p.js)
  line(p.name, 'css gz', css, p.css)
}
const whole = new Map()
for (const [key, chunk] of Object.entries(manifest)) {
  const found = /^virtual:texts\/([\w-]+)\.(\w+)$/.exec(key)
  if (!found) continue
  const common = found[2] === 'core' || found[2] === 'desk'
  if (common) whole.set(found[1], (whole.get(found[1]) ?? 0) + size(chunk.file))
  if (found[2] === 'core') line(`texts ${found[1]}`, 'core gz', size(chunk.file), [10, 15])
  if (!common) line(`texts ${found[1]}`, found[2], size(chunk.file), [8, 12])
}
for (const [locale, kb] of whole) line(`texts ${locale}`, 'all gz', kb, [15, 24])
process.exit(over ? 1 : 0)

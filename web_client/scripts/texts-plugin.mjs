// Vite plugin: `virtual:texts` gives, for each language and part, how to load it. Serbian Latin is made from the Cyrillic source here.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onlyPart, parts } from './catalogue-parts.mjs'
import { latinCatalogue } from './serbian.mjs'

const folder = new URL('../locales/', import.meta.url)
const pathOf = (locale) => fileURLToPath(new URL(`${locale}.json`, folder))
const file = (locale) => JSON.parse(readFileSync(pathOf(locale), 'utf8'))
const own = (locale) => (locale === 'sr-Latn' ? latinCatalogue(file('sr-Cyrl')) : file(locale))
/** A text that a language lacks is shown in English; the lint of the catalogues does not let that pass. */
const read = (locale) => ({ ...file('en'), ...own(locale) })

export function texts() {
  const list = 'virtual:texts'
  const one = 'virtual:texts/'
  return {
    name: 'tarjuman-texts',
    resolveId: (source) => (source === list || source.startsWith(one) ? `\0${source}` : undefined),
    load(id) {
      if (id === `\0${list}`) {
        const locales = [...readdirSync(folder).map((f) => f.replace('.json', '')), 'sr-Latn']
        const loaders = locales.map(
          (l) => `${JSON.stringify(l)}:{${parts.map((p) => `${p}:()=>import(${JSON.stringify(`${one}${l}.${p}`)})`)}}`,
        )
        return `export default {${loaders}}`
      }
      if (!id.startsWith(`\0${one}`)) return undefined
      const [locale, part] = id.slice(one.length + 1).split('.')
      this.addWatchFile(pathOf(locale === 'sr-Latn' ? 'sr-Cyrl' : locale))
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(onlyPart(read(locale), part)))})`
    },
  }
}

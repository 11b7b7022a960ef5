// Vite plugin: `virtual:texts` gives, for each language and common part, how to load it; `virtual:texts-areas` the same for the areas,
// apart, because the list is long and the call page does not need it. Serbian Latin is made from the Cyrillic source here.
import { areas, filesOf, languages, parts, readPart } from './catalogue-parts.mjs'
import { latinCatalogue } from './serbian.mjs'

const source = (locale) => (locale === 'sr-Latn' ? 'sr-Cyrl' : locale)
const own = (locale, part) => (locale === 'sr-Latn' ? latinCatalogue(readPart('sr-Cyrl', part)) : readPart(locale, part))
/** A text that a language lacks is shown in English; the lint of the catalogues does not let that pass. */
const read = (locale, part) => ({ ...readPart('en', part), ...own(locale, part) })

export function texts() {
  const lists = { 'virtual:texts': parts.filter((part) => !areas.includes(part)), 'virtual:texts-areas': areas }
  const one = 'virtual:texts/'
  return {
    name: 'tarjuman-texts',
    resolveId: (id) => (id in lists || id.startsWith(one) ? `\0${id}` : undefined),
    load(id) {
      const list = lists[id.slice(1)]
      if (list) {
        const loaders = [...languages, 'sr-Latn'].map(
          (l) => `${JSON.stringify(l)}:{${list.map((p) => `${p}:()=>import(${JSON.stringify(`${one}${l}.${p}`)})`)}}`,
        )
        return `export default {${loaders}}`
      }
      if (!id.startsWith(`\0${one}`)) return undefined
      const [locale, part] = id.slice(one.length + 1).split('.')
      for (const path of filesOf(source(locale))) this.addWatchFile(path)
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(read(locale, part)))})`
    },
  }
}

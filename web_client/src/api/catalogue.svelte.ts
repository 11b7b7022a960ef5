/** Languages, sites and procedure steps: read once after sign-in, named in the language shown. */
import { byCode, named, ownName } from '../i18n/index.svelte'
import { api } from './client'
import type { Catalogue, Country, Language, Stage, Step } from './types'

/** The name by law; a country's law names a step in its own language only, others read the few words of the timeline. */
const fullName = (step: Step): string => ownName(step.name) ?? named(step.short_name)

export const stages: readonly Stage[] = ['identification', 'registration', 'vulnerability', 'asylum', 'return']

class CatalogueStore {
  data = $state.raw<Catalogue | undefined>()
  #under_way: Promise<Catalogue> | undefined

  /** Reads the catalogue once; a failed reading may be tried again. */
  async load(): Promise<Catalogue> {
    if (this.data) return this.data
    this.#under_way ??= api.get<Catalogue>('/api/catalogue')
    try {
      this.data = await this.#under_way
      return this.data
    } finally {
      this.#under_way = undefined
    }
  }

  step(code: string): Step | undefined {
    return this.data?.steps.find((s) => s.code === code)
  }

  stepName(code: string): string {
    const step = this.step(code)
    return step ? fullName(step) : code
  }

  stepShort(code: string): string {
    const step = this.step(code)
    return step ? named(step.short_name) : code
  }

  siteName(code: string): string {
    const site = this.data?.sites.find((s) => s.code === code)
    return site ? named(site.name) : code
  }

  /** The steps of a country in their order. */
  stepsOf(country: Country): Step[] {
    return (this.data?.steps ?? []).filter((s) => s.country === country).sort((a, b) => a.seq - b.seq)
  }

  language(code: string): Language | undefined {
    return this.data?.languages.find((l) => l.code === code)
  }
}

export const catalogue = new CatalogueStore()

/** The name of a language in the language shown; ISO 639-3. */
export const languageName = (code: string): string => byCode('lang', code)

type Choice = { value: string; text: string }

/** Languages for a choice, by group, those of our pool first; macro-languages are left out where a variety can be named. */
export function languageGroups(languages: readonly Language[]): { label: string; options: Choice[] }[] {
  const order = [
    'arabic',
    'pashto',
    'persian',
    'kurdish',
    'south_asia',
    'turkic',
    'horn',
    'africa',
    'berber',
    'other',
    'region',
    'sign',
  ]
  const groups = [...new Set(languages.map((l) => l.group))].sort((a, b) => order.indexOf(a) - order.indexOf(b))
  return groups.map((group) => ({
    label: byCode('lang.group', group),
    options: languages.filter((l) => l.group === group).map((l) => ({ value: l.code, text: languageName(l.code) })),
  }))
}

/** Steps for a choice, by stage. */
export function stepGroups(steps: readonly Step[]): { label: string; options: Choice[] }[] {
  return stages
    .map((stage) => ({
      label: byCode('stage', stage),
      options: steps.filter((s) => s.stage === stage).map((s) => ({ value: s.code, text: fullName(s) })),
    }))
    .filter((g) => g.options.length > 0)
}

/** Shapes of the language desk's part of the HTTP contract. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type HelperState = Schemas['HelperView']
export type HelperAnswer = Schemas['HelperAnswer']
export type CaseLanguages = Schemas['CaseLanguageView']
export type FindingView = Schemas['FindingView']

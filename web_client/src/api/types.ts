/**
 * Shapes of the HTTP contract under the names that the pages use. All of them come from `schema.gen.ts`, which `make gen` writes from the
 * server's own description: a field that changes there breaks the build here.
 */
import type { components } from './schema.gen'

type Schemas = components['schemas']

export type Problem = Schemas['Problem']
/** Slots of a text: the server promises these two kinds where a sentence is made of them. */
export type Params = NonNullable<Problem['params']>
type WithSlots<T> = Omit<T, 'params'> & { params: Params }
export type Page<T> = { items: T[]; total: number; page: number; per: number }

export type Role = Schemas['Role']
export type Country = Schemas['Country']
export type Part = Schemas['PresentRow']['part']
export type Stage = Schemas['Stage']
export type Me = Schemas['Me']
export type Config = Schemas['ConfigOut']

export type Catalogue = Schemas['CatalogueOut']
export type Language = Schemas['LanguageOut']
export type Step = Schemas['StepOut']
/** A name in the languages of the two countries; show with `named()`. */
export type Names = Step['name']

export type CaseSummary = Schemas['CaseSummary']
export type CaseDetail = Omit<Schemas['CaseDetail'], 'gates' | 'bookings'> & { gates: Gate[]; bookings: BookingView[] }
export type CaseLanguage = Schemas['CaseLanguage']
export type LanguageSource = CaseLanguage['source']
export type SexWish = Schemas['SexWish']
export type WishChange = Schemas['WishChange']
export type Referral = Schemas['Referral']
export type AskedTime = Schemas['AskedTimeOut']
export type Literacy = NonNullable<CaseDetail['literacy']>
export type AgeGroup = NonNullable<CaseDetail['age_group']>
export type Uam = NonNullable<CaseDetail['uam']>
export type Track = NonNullable<CaseDetail['track']>
export type Mode = CaseDetail['mode']
export type NewCase = Schemas['NewCaseBody']
export type StepView = Schemas['StepView']
export type StepState = StepView['state']
export type HeldHow = Schemas['HeldHow']
export type Gate = WithSlots<Schemas['Gate']>
export type GateAction = NonNullable<Gate['action']>
export type CaseTimer = Schemas['Timer']

export type BookingView = Omit<Schemas['BookingView'], 'offers'> & { offers: OfferBrief[] }
export type BookingState = BookingView['state']
export type NewBooking = Schemas['NewBookingBody']
export type SlotList = Schemas['SlotList']
export type Slot = Schemas['SlotOut']
export type Notice = Schemas['NoticeOut']
export type Series = Omit<Schemas['SeriesOut'], 'bookings'> & { bookings: BookingView[] }
export type Expected = Schemas['Expected']
export type Outlook = Schemas['Outlook']
export type Rung = Schemas['Rung']
export type RungCode = Rung['code']
export type Reason = WithSlots<Schemas['Reason']>
export type OfferBrief = Omit<Schemas['OfferBrief'], 'reasons'> & { reasons: Reason[] }

export type SessionRecord = Omit<Schemas['SessionRecord'], 'entries'> & { entries: LogEntryView[] }
export type LogEntryView = Omit<Schemas['LogEntryView'], 'data'> & { data: Params }

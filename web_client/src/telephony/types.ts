/** Shapes of telephony, as the server describes them. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type OwnNumber = Schemas['OwnNumber']
export type TelephonyStatus = Schemas['TelephonyStatus']
export type Cost = Schemas['CostOut']
export type TelephonyNow = Schemas['TelephonyNow']
export type DialIn = Schemas['DialInOut']
export type Pin = Schemas['PinOut']
export type Code = Schemas['CodeOut']

/** Shapes of the calendar's part of the HTTP contract. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type MonthView = Schemas['MonthOut']
export type Day = Schemas['DayOut']
export type Piece = Schemas['PieceOut']
export type CalendarView = Schemas['Calendar']
export type Rule = Schemas['RuleOut']
export type RuleBody = Schemas['RuleBody']
export type Exception = Schemas['ExceptionOut']
export type ExceptionBody = Schemas['ExceptionBody']
export type Absence = Schemas['AbsenceOut']
export type AbsenceBody = Schemas['AbsenceBody']
export type Window = Schemas['WindowOut']
export type Import = Schemas['ImportOut']
export type Entered = Schemas['EnteredOut']
export type Holiday = Schemas['HolidayOut']
export type HolidayList = Schemas['HolidayList']

/** Shapes of the calendar's part of the HTTP contract. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type MonthView = Schemas['MonthOut']
export type Day = MonthView['days'][number]
export type Piece = Day['pieces'][number]
export type CalendarView = Schemas['Calendar']
export type Rule = CalendarView['rules'][number]
export type Exception = CalendarView['exceptions'][number]
export type ExceptionBody = Schemas['ExceptionBody']
export type Absence = CalendarView['absences'][number]
export type Window = CalendarView['windows'][number]
export type Import = Schemas['ImportOut']
export type Entered = Schemas['EnteredOut']
export type Holiday = HolidayList['items'][number]
export type HolidayList = Schemas['HolidayList']

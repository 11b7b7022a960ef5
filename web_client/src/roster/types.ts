/** Shapes of rosters, shifts and swaps, as the server describes them. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type RosterRow = Schemas['RosterRow']
export type RosterView = Schemas['RosterView']
export type Person = Schemas['RosterPerson']
export type Kind = Schemas['KindView']
export type Gap = Schemas['GapView']
export type Version = Schemas['VersionView']
export type Change = Schemas['ChangeView']
export type Why = Schemas['WhyView']
export type OwnShifts = Schemas['OwnShifts']
export type Shift = Schemas['ShiftView']
export type Wish = Schemas['WishView']
export type Swap = Schemas['SwapView']

/** A shift (or none) for a cell, as `POST …/cells` takes it. */
export type Move = { interpreter_id: string; day: number; kind: string | null }
/** What is chosen in the grid: a gap of a line, or a cell of a person. */
export type Choice = { gap: Stretch } | { person: string; day: number }

/** Neighbouring gaps of one line and day. */
export type Stretch = { line: string; day: number; start: number; end: number; missing: number; women: boolean; minutes: number }

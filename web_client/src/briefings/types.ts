/** Shapes of group briefings (docs/protocol.md, section 1). */
import type { components } from '../api/schema.gen'
import type { Join } from '../call/join'

type Schemas = components['schemas']
export type Briefing = Schemas['BriefingView']
export type Briefings = Omit<Schemas['Briefings'], 'items'> & { items: Briefing[] }
export type Post = Briefing['posts'][number]
export type Understood = Schemas['Understood']
export type Listen = Omit<Schemas['Listen'], 'join'> & { join: Join | null }

export const answers: readonly Understood[] = ['yes', 'not_all', 'no']
export const isOver = (one: Pick<Briefing, 'state'>): boolean => one.state === 'over' || one.state === 'cancelled'
/** Posts that are in the room now. */
export const here = (posts: readonly Post[]): number => posts.filter((one) => one.state === 'present').length
/** The number of the group that a post tells of next. */
export const nextGroup = (told: readonly number[]): number => Math.max(0, ...told) + 1

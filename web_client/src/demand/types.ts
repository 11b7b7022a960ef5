/** Shapes of cover, surge and plans, as the server describes them. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type Cover = Schemas['Cover']
export type CoverRow = Schemas['CoverRow']
export type Fill = Schemas['Fill']
export type SurgeAnswer = Schemas['SurgeAnswer']
export type SurgeState = Schemas['SurgeNow']['state']
export type Scenario = Schemas['ScenarioView']
export type PlanInput = Schemas['PlanInput']
export type PlanView = Schemas['SurgePlan']
export type PlanLine = Schemas['SurgePlanLine']
export type PlanResult = Schemas['PlanResult']
export const switches = ['short_script', 'group_briefing', 'partner_list', 'relay', 'call_in_reserve'] as const
export type SwitchName = (typeof switches)[number]

/** Shapes of membership, quality and pay, as the server describes them. */
import type { components } from '../api/schema.gen'

type Schemas = components['schemas']
export type PoolPage = Schemas['PoolPage']
export type PoolRow = Schemas['PoolRow']
export type Profile = Schemas['Profile']
export type WatchView = Schemas['WatchView']
export type Notice = Schemas['NoticeView']
export type MemberPage = Schemas['MemberPage']
export type Member = Schemas['MemberView']
export type Papers = Schemas['PapersView']
export type Paper = Schemas['PaperView']
export type Evidence = Schemas['EvidenceView']
export type QualityPage = Schemas['QualityPage']
export type Review = Schemas['ReviewView']
export type Complaint = Schemas['ComplaintView']
export type OwnPage = Schemas['OwnPage']
export type Numbers = Schemas['OwnQuality']
export type Given = Schemas['Given']
export type Week = Schemas['WeekView']
export type Line = Schemas['LineView']
export type LineList = Schemas['LineList']
export type PayPage = Schemas['PayPage']
export type ExportView = Schemas['ExportView']
export type Batch = Schemas['BatchView']
export type Month = Schemas['MonthView']
export type Absence = Schemas['AbsenceOut']
export type AbsenceEffect = Schemas['EffectOut']
export type AbsenceMade = Schemas['AbsenceMade']

export const levels = ['L0', 'L1', 'L2', 'L3'] as const
export const spoken = ['native', 'C2', 'C1', 'B2', 'B1'] as const
export const trainings = ['REMOTE', 'UNHCR-SSM3', 'EUAA-INT-ASYLUM', 'RSD', 'CHILD', 'GBV-TRAUMA', 'LLD'] as const
export const leaveReasons = ['own_wish', 'papers', 'quality', 'conduct', 'complaint', 'not_suitable', 'no_need', 'other'] as const
export const measures = ['talk', 'training', 'review', 'suspension', 'reinterview'] as const
export const errorKinds = [
  'omission',
  'addition',
  'distortion',
  'term',
  'number',
  'register',
  'person',
  'side_talk',
  'opinion',
] as const
export const severities = ['minor', 'major', 'critical'] as const
export const engagements = ['staff', 'contract', 'roster', 'volunteer'] as const
export const lineKinds = ['session', 'standby', 'call_in', 'late_cancel', 'wasted'] as const
export const currencies = ['RSD', 'MKD', 'EUR'] as const
export const officerCodes = [
  'careful',
  'late',
  'another_language',
  'left_out',
  'added',
  'own_opinion',
  'side_talk',
  'sound',
] as const
export const interpreterCodes = ['too_fast', 'no_breaks', 'language_hard', 'sound', 'not_alone'] as const
export const grounds = [
  'not_understood',
  'wrong_language',
  'left_out',
  'not_neutral',
  'confidentiality',
  'conduct',
  'conditions',
] as const
export const answers = ['good', 'fair', 'poor'] as const
export type Answer = (typeof answers)[number]

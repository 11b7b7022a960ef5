/** The sentences of an error: what happened, and what to do next. */
import type { Params } from '../api/types'
import { lookUp, t } from '../i18n/index.svelte'
import type { AppError, FieldError } from './errors'

/** The first number of an error is what its sentence counts: tries left, minutes to wait. */
function counted(params: Params): Params {
  const first = Object.values(params).find((value) => typeof value === 'number')
  return first === undefined || 'count' in params ? params : { ...params, count: first }
}

const find = (code: string, params: Params, end = ''): string | undefined =>
  lookUp(`error.${code}${end}`, counted(params)) ?? lookUp(`error.${code}${end}`, params)

export const errorTitle = (error: AppError): string => find(error.code, error.params) ?? error.detail ?? t('error.unknown')

export const errorNext = (error: AppError): string | undefined => find(error.code, error.params, '.next')

export const fieldText = (field: FieldError): string => find(field.code, field.params) ?? field.detail ?? t('error.invalid_value')

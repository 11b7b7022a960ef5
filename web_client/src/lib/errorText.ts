/** The sentences of an error: what happened, and what to do next. */
import { lookUp, t } from '../i18n/index.svelte'
import type { AppError, FieldError } from './errors'

export const errorTitle = (error: AppError): string =>
  lookUp(`error.${error.code}`, error.params) ?? error.detail ?? t('error.unknown')

export const errorNext = (error: AppError): string | undefined => lookUp(`error.${error.code}.next`, error.params)

export const fieldText = (field: FieldError): string =>
  lookUp(`error.${field.code}`, field.params) ?? field.detail ?? t('error.invalid_value')

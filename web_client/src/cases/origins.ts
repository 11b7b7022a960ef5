/** Countries of origin from which people come to these procedures; the list that a person can name when avoiding somebody (M-5). */
import { i18n } from '../i18n/index.svelte'

const codes = [
  'AF',
  'BD',
  'BI',
  'CD',
  'CM',
  'CU',
  'DZ',
  'EG',
  'ER',
  'ET',
  'GE',
  'IN',
  'IQ',
  'IR',
  'JO',
  'KW',
  'LB',
  'LK',
  'LY',
  'MA',
  'ML',
  'NG',
  'NP',
  'PK',
  'PS',
  'RU',
  'SA',
  'SD',
  'SN',
  'SO',
  'SY',
  'TJ',
  'TN',
  'TR',
  'UA',
  'UZ',
  'YE',
]

/** Code and name, by name in the language shown. */
export function origins(): { value: string; text: string }[] {
  const names = new Intl.DisplayNames([i18n.locale], { type: 'region' })
  return codes
    .map((value) => ({ value, text: names.of(value) ?? value }))
    .sort((a, b) => a.text.localeCompare(b.text, i18n.locale))
}

/**
 * "Please wait here. The interpreter will call in a few minutes." for the person in front of the officer, in the person's language.
 * Drafts (domain research P25), to be read by native readers before a real deployment. An aid for the wait, never interpretation.
 */

export type PersonCard = { lang: string; dir: 'ltr' | 'rtl'; name: string; lines: readonly string[] }

const cards = {
  ar: { dir: 'rtl', name: 'العربية', lines: ['من فضلك انتظر هنا.', 'سيتصل المترجم بعد دقائق.'] },
  fa: { dir: 'rtl', name: 'فارسی', lines: ['لطفاً اینجا منتظر بمانید.', 'مترجم تا چند دقیقه‌ی دیگر تماس می‌گیرد.'] },
  prs: { dir: 'rtl', name: 'دری', lines: ['لطفاً اینجا منتظر بمانید.', 'ترجمان تا چند دقیقه‌ی دیگر تماس می‌گیرد.'] },
  ps: { dir: 'rtl', name: 'پښتو', lines: ['مهرباني وکړئ دلته انتظار وکړئ.'] },
  ur: { dir: 'rtl', name: 'اردو', lines: ['براہِ کرم یہاں انتظار کریں۔', 'مترجم چند منٹ میں کال کرے گا۔'] },
  tr: { dir: 'ltr', name: 'Türkçe', lines: ['Lütfen burada bekleyin.', 'Tercüman birkaç dakika içinde arayacak.'] },
  en: { dir: 'ltr', name: 'English', lines: ['Please wait here.', 'The interpreter will call in a few minutes.'] },
  fr: {
    dir: 'ltr',
    name: 'Français',
    lines: ['Attendez ici, s’il vous plaît.', 'L’interprète appellera dans quelques minutes.'],
  },
  es: { dir: 'ltr', name: 'Español', lines: ['Espere aquí, por favor.', 'El intérprete llamará dentro de unos minutos.'] },
  ru: { dir: 'ltr', name: 'Русский', lines: ['Подождите здесь, пожалуйста.', 'Переводчик позвонит через несколько минут.'] },
  sr: { dir: 'ltr', name: 'Српски', lines: ['Молим вас, сачекајте овде.', 'Преводилац ће се јавити за неколико минута.'] },
  mk: { dir: 'ltr', name: 'Македонски', lines: ['Ве молам, почекајте тука.', 'Преведувачот ќе се јави за неколку минути.'] },
} as const satisfies Record<string, Omit<PersonCard, 'lang'>>

export type CardLanguage = keyof typeof cards
export const cardLanguages = Object.keys(cards) as CardLanguage[]

const arabic = [
  'ara',
  'arb',
  'apc',
  'ajp',
  'acm',
  'ayp',
  'afb',
  'ars',
  'acw',
  'arz',
  'apd',
  'ayl',
  'ary',
  'arq',
  'aeb',
  'ayn',
  'acq',
]
const spoken: Readonly<Record<string, CardLanguage>> = {
  ...Object.fromEntries(arabic.map((code) => [code, 'ar' as const])),
  pes: 'fa',
  fas: 'fa',
  prs: 'prs',
  haz: 'prs',
  aiq: 'prs',
  pus: 'ps',
  pbt: 'ps',
  pbu: 'ps',
  pst: 'ps',
  urd: 'ur',
  tur: 'tr',
  eng: 'en',
  fra: 'fr',
  spa: 'es',
  rus: 'ru',
  srp: 'sr',
  bos: 'sr',
  hrv: 'sr',
  mkd: 'mk',
}

/** The card language for a spoken language (ISO 639-3), or undefined when there is no card yet. */
export const cardFor = (code: string): CardLanguage | undefined => spoken[code]

export const personCard = (lang: CardLanguage): PersonCard => ({ lang, ...cards[lang] })

/** A voice of this machine that can read the card aloud; voices that send the text elsewhere are left out. */
export function localVoice(lang: string): SpeechSynthesisVoice | undefined {
  if (typeof speechSynthesis === 'undefined') return undefined
  const wanted = lang === 'prs' ? 'fa' : lang
  return speechSynthesis.getVoices().find((v) => v.localService && v.lang.toLowerCase().startsWith(wanted))
}

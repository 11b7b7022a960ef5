/** Names of months: Solar Hijri as Afghanistan and Iran name them, Hijri, and the Gregorian ones in Arabic and Dari. Drafts but for CLDR's. */
import type { Locale } from '../i18n/locales'
import type { CalendarId, Season } from './calendars'

const list = (names: string): readonly string[] => names.split('|')
const afghan = {
  latn: list('Hamal|Sawr|Jawza|Saratan|Asad|Sunbula|Mizan|Aqrab|Qaws|Jadi|Dalw|Hut'),
  cyrl: list('Хамал|Савр|Џавза|Саратан|Асад|Сунбула|Мизан|Акраб|Кавс|Џади|Далв|Хут'),
  fa: list('حمل|ثور|جوزا|سرطان|اسد|سنبله|میزان|عقرب|قوس|جدی|دلو|حوت'),
  ps: list('وری|غویی|غبرګولی|چنګاښ|زمری|وږی|تله|لړم|لیندۍ|مرغومی|سلواغه|کب'),
}
const iranian = {
  latn: list('Farvardin|Ordibehesht|Khordad|Tir|Mordad|Shahrivar|Mehr|Aban|Azar|Dey|Bahman|Esfand'),
  cyrl: list('Фарвардин|Ордибехешт|Хордад|Тир|Мордад|Шахривар|Мехр|Абан|Азар|Деј|Бахман|Есфанд'),
  fa: list('فروردین|اردیبهشت|خرداد|تیر|مرداد|شهریور|مهر|آبان|آذر|دی|بهمن|اسفند'),
}
const lunar = {
  latn: list("Muharram|Safar|Rabi I|Rabi II|Jumada I|Jumada II|Rajab|Sha'ban|Ramadan|Shawwal|Dhu al-Qa'da|Dhu al-Hijja"),
  cyrl: list('мухарем|сафер|реби I|реби II|џумада I|џумада II|реџеб|шабан|рамазан|шевал|зулкаде|зулхиџе'),
  ar: list('محرم|صفر|ربيع الأول|ربيع الآخر|جمادى الأولى|جمادى الآخرة|رجب|شعبان|رمضان|شوال|ذو القعدة|ذو الحجة'),
  fa: list('محرم|صفر|ربیع‌الاول|ربیع‌الثانی|جمادی‌الاول|جمادی‌الثانی|رجب|شعبان|رمضان|شوال|ذیقعده|ذیحجه'),
}
/** Both sets that Arabic speakers use, as the United Nations print them. */
const gregorianAr = list(
  'كانون الثاني/يناير|شباط/فبراير|آذار/مارس|نيسان/أبريل|أيار/مايو|حزيران/يونيو|تموز/يوليو|آب/أغسطس|أيلول/سبتمبر|تشرين الأول/أكتوبر|تشرين الثاني/نوفمبر|كانون الأول/ديسمبر',
)
const gregorianFa = list('ژانویه|فوریه|مارس|آوریل|مه|ژوئن|ژوئیه|اوت|سپتامبر|اکتبر|نوامبر|دسامبر')
const gregorianPrs = list('جنوری|فبروری|مارچ|اپریل|می|جون|جولای|اگست|سپتمبر|اکتوبر|نومبر|دسمبر')
const gregorianPs = list('جنوري|فبروري|مارچ|اپریل|مۍ|جون|جولای|اګست|سېپتمبر|اکتوبر|نومبر|دسمبر')

export const isAfghan = (language: string): boolean => ['prs', 'haz', 'aiq', 'pus', 'pbt', 'pbu', 'pst', 'uzs'].includes(language)
export const isIranian = (language: string): boolean => ['pes', 'azb', 'sdh'].includes(language)
const isPashto = (language: string): boolean => ['pus', 'pbt', 'pbu', 'pst'].includes(language)
const isPersian = (language: string): boolean => ['fas', 'pes', 'prs', 'haz', 'aiq'].includes(language)

type Script = 'latn' | 'cyrl' | 'ar' | 'fa' | 'ps'
const scriptOf = (locale: Locale): Script =>
  locale === 'sr-Cyrl' || locale === 'mk' ? 'cyrl' : locale === 'ar' || locale === 'fa' || locale === 'ps' ? locale : 'latn'

/**
 * Months of the two lunar and solar calendars for a page. Where the person's language does not tell which names are theirs, both are
 * given: `Hamal / Farvardin`.
 */
export function monthNames(calendar: Exclude<CalendarId, 'gregorian'>, locale: Locale, language: string): readonly string[] {
  const script = scriptOf(locale)
  if (calendar === 'hijri') return script === 'ar' ? lunar.ar : script === 'fa' || script === 'ps' ? lunar.fa : lunar[script]
  const theirs = script === 'ps' ? afghan.ps : script === 'latn' || script === 'cyrl' ? afghan[script] : afghan.fa
  const others = script === 'latn' || script === 'cyrl' ? iranian[script] : iranian.fa
  if (isAfghan(language)) return theirs
  if (isIranian(language)) return others
  return theirs.map((name, n) => `${name} / ${others[n]}`)
}

/** Months as the person writes them; undefined for languages whose names we do not have. */
export function ownMonthNames(calendar: CalendarId, language: string): readonly string[] | undefined {
  if (isPashto(language)) return calendar === 'solar_hijri' ? afghan.ps : calendar === 'hijri' ? lunar.fa : gregorianPs
  if (isPersian(language)) {
    if (calendar === 'hijri') return lunar.fa
    if (calendar === 'gregorian') return isAfghan(language) ? gregorianPrs : gregorianFa
    return isAfghan(language) ? afghan.fa : iranian.fa
  }
  if (calendar === 'solar_hijri') return undefined
  return calendar === 'hijri' ? lunar.ar : gregorianAr
}

const ownSeasons: Readonly<Record<'ar' | 'fa' | 'prs' | 'ps', Readonly<Record<Season, string>>>> = {
  ar: { spring: 'ربيع', summer: 'صيف', autumn: 'خريف', winter: 'شتاء', early_winter: 'شتاء' },
  fa: { spring: 'بهار', summer: 'تابستان', autumn: 'پاییز', winter: 'زمستان', early_winter: 'زمستان' },
  prs: { spring: 'بهار', summer: 'تابستان', autumn: 'خزان', winter: 'زمستان', early_winter: 'زمستان' },
  ps: { spring: 'پسرلی', summer: 'اوړی', autumn: 'منی', winter: 'ژمی', early_winter: 'ژمی' },
}
const ownAbout = { ar: 'حوالي', fa: 'حدود', prs: 'حدود', ps: 'شاوخوا' }
const ownWords = (language: string): 'ar' | 'fa' | 'prs' | 'ps' =>
  isPashto(language) ? 'ps' : isPersian(language) ? (isAfghan(language) ? 'prs' : 'fa') : 'ar'

export const ownSeason = (season: Season, language: string): string => ownSeasons[ownWords(language)][season]
export const ownAboutWord = (language: string): string => ownAbout[ownWords(language)]

// Serbian Cyrillic -> Latin, letter by letter (30 letters). One direction only: the reverse is ambiguous.

const pairs = {
  а: 'a',
  б: 'b',
  в: 'v',
  г: 'g',
  д: 'd',
  ђ: 'đ',
  е: 'e',
  ж: 'ž',
  з: 'z',
  и: 'i',
  ј: 'j',
  к: 'k',
  л: 'l',
  љ: 'lj',
  м: 'm',
  н: 'n',
  њ: 'nj',
  о: 'o',
  п: 'p',
  р: 'r',
  с: 's',
  т: 't',
  ћ: 'ć',
  у: 'u',
  ф: 'f',
  х: 'h',
  ц: 'c',
  ч: 'č',
  џ: 'dž',
  ш: 'š',
}
const lower = new Map(Object.entries(pairs))
const isCapital = (ch) => ch !== undefined && ch.toLowerCase() !== ch && lower.has(ch.toLowerCase())

/**
 * The same text in Latin script. A capital Љ Њ Џ gives LJ NJ DŽ inside a word in capitals and Lj Nj Dž otherwise.
 * Slots such as `{{count}}` and everything else that is not Serbian Cyrillic pass through unchanged.
 */
export function toLatin(text) {
  const letters = [...text]
  return letters
    .map((ch, i) => {
      const small = lower.get(ch.toLowerCase())
      if (small === undefined) return ch
      if (!isCapital(ch)) return small
      const shout = isCapital(letters[i + 1]) || (isCapital(letters[i - 1]) && !lower.has(letters[i + 1] ?? ''))
      return shout ? small.toUpperCase() : small[0].toUpperCase() + small.slice(1)
    })
    .join('')
}

/** A whole flat catalogue in Latin script; keys stay. */
export const latinCatalogue = (catalogue) =>
  Object.fromEntries(Object.entries(catalogue).map(([key, text]) => [key, toLatin(text)]))

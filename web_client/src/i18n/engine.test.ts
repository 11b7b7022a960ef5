import { describe, expect, it } from 'vitest'
import { fill, isolated, pick } from './engine'

describe('pick', () => {
  const serbian = {
    try_one: '{{count}} покушај',
    try_few: '{{count}} покушаја',
    try_other: '{{count}} покушаја више',
    plain: 'реч',
  }

  it('takes the Serbian form by the last digit, as Intl does', () => {
    expect([1, 2, 5, 11, 21, 22].map((n) => pick(serbian, 'sr-Cyrl', 'try', n))).toEqual(
      ['try_one', 'try_few', 'try_other', 'try_other', 'try_one', 'try_few'].map((k) => serbian[k as keyof typeof serbian]),
    )
  })

  it('has all six Arabic categories', () => {
    const ar = Object.fromEntries(['zero', 'one', 'two', 'few', 'many', 'other'].map((c) => [`n_${c}`, c]))
    expect([0, 1, 2, 3, 11, 100].map((n) => pick(ar, 'ar', 'n', n))).toEqual(['zero', 'one', 'two', 'few', 'many', 'other'])
  })

  it('gives nothing for a key that is not there', () => {
    expect(pick(serbian, 'sr-Cyrl', 'other.key')).toBeUndefined()
  })
})

describe('fill', () => {
  it('fills each slot and leaves an unknown one in sight', () => {
    expect(fill('{{a}} of {{b}}, {{c}}', { a: 1, b: 'two' })).toBe('1 of two, {{c}}')
  })

  it('does not treat a value as a pattern', () => {
    expect(fill('x {{a}}', { a: '$& {{b}}', b: 'no' })).toBe('x $& {{b}}')
  })
})

describe('isolated', () => {
  const first = (text: string) => text.codePointAt(0)

  it('leaves the direction of a plain value to its first letter, and takes a put-together one for right to left', () => {
    const plain = isolated('RS-26')
    expect([first(plain), plain.codePointAt(plain.length - 1)]).toEqual([0x2068, 0x2069])
    expect(first(isolated(`${isolated('غدًا')}، ${isolated('09:30')}`))).toBe(0x2067)
  })
})

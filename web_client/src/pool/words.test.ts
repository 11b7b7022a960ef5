import { describe, expect, it } from 'vitest'
import { minorOf, minutesOf, moneyText } from './words'

describe('money', () => {
  it('is written in the manner of the language and never rounded', () => {
    expect(moneyText(123_450, 'RSD', 'en')).toBe('1\u00a0234.50\u00a0RSD')
    expect(moneyText(123_450_005, 'MKD', 'mk')).toBe('1\u00a0234\u00a0500,05\u00a0MKD')
    expect(moneyText(7, 'EUR', 'ar')).toBe('0.07\u00a0EUR')
  })
  it('is read with comma or point', () => {
    expect([minorOf('1250'), minorOf('12,5'), minorOf(' 12.05 '), minorOf('0')]).toEqual([125_000, 1250, 1205, 0])
    expect([minorOf(''), minorOf('12.345'), minorOf('-3'), minorOf('1e5'), minorOf('1 000')]).toEqual(Array(5).fill(undefined))
  })
})

describe('minutes', () => {
  it('are whole and within a day', () => {
    expect([minutesOf('47'), minutesOf('0'), minutesOf('1440')]).toEqual([47, 0, 1440])
    expect([minutesOf('1441'), minutesOf('4.5'), minutesOf('')]).toEqual([undefined, undefined, undefined])
  })
})

import { describe, expect, it } from 'vitest'
import { latinCatalogue, toLatin } from './serbian.mjs'

describe('toLatin', () => {
  it('maps all thirty letters', () => {
    expect(toLatin('абвгдђежзијклљмнњопрстћуфхцчџш')).toBe('abvgdđežzijklljmnnjoprstćufhcčdžš')
    expect(toLatin('АБВГДЂЕЖЗИЈК')).toBe('ABVGDĐEŽZIJK')
  })

  it('writes the two-letter ones by the company they keep', () => {
    expect(toLatin('Љубав Његош Џон')).toBe('Ljubav Njegoš Džon')
    expect(toLatin('ЉУБАВ ПОЉЕ ЏЕП КОЊ')).toBe('LJUBAV POLJE DŽEP KONJ')
    expect(toLatin('Њ')).toBe('Nj')
  })

  it('keeps slots, codes and Latin words as they are', () => {
    expect(toLatin('Шифра {{code}} за {{site}} O-1183, PDF')).toBe('Šifra {{code}} za {{site}} O-1183, PDF')
    expect(latinCatalogue({ 'error.x_few': '{{count}} покушаја' })).toEqual({ 'error.x_few': '{{count}} pokušaja' })
  })
})

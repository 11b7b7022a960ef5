import { describe, expect, it } from 'vitest'
import { forbiddenIn } from './privacy'

describe('forbiddenIn', () => {
  it.each([
    ['зове се на +381 64 123 4567', 'phone'],
    ['064/123-4567', 'phone'],
    ['٠٠٩٣ ٧٠ ١٢٣ ٤٥٦٧', 'phone'],
    ['a.b@example.org', 'email'],
    ['0101990710028', 'id_number'],
    ['born 1.1.1990', 'birth_date'],
    ['P0123456', 'document_number'],
  ])('sees %s', (text, kind) => {
    expect(forbiddenIn(text)).toBe(kind)
  })

  it.each(['03/9-2-12345/26', 'from Daraa, countryside', 'јужно наречје', '26 km', ''])('lets %s pass', (text) => {
    expect(forbiddenIn(text)).toBeUndefined()
  })
})

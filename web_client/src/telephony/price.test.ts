import { expect, test } from 'vitest'
import { priceText } from './price'

test('thousandths are shown, and no more digits than there are', () => {
  expect(priceText({ currency: 'EUR', minor: 152 }, 'en').replace(/\s/g, ' ')).toBe('EUR 0.152')
  expect(priceText({ currency: 'EUR', minor: 1200 }, 'en').replace(/\s/g, ' ')).toBe('EUR 1.20')
})

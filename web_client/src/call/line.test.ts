import { describe, expect, test } from 'vitest'
import { verdict } from './lineTest'
import { PictureRule } from './pictureRule'
import { counters, graded, type LineSample, sampleBetween, score, smoothed } from './quality'
import { type MediaFacts, needsRestart, pause } from './recovery'
import { sections } from './sdp'

const fine: LineSample = { rtt: 40, jitter: 5, lossDown: 0, lossUp: 0, audioPackets: 100, bytes: 1 }

describe('quality', () => {
  test('grows worse with loss, delay and jitter, and the worse direction counts', () => {
    expect(graded(score(fine))).toBe('good')
    expect(score({ ...fine, lossUp: 0.05 })).toBe(score({ ...fine, lossDown: 0.05 }))
    expect(graded(score({ ...fine, lossDown: 0.06 }))).toBe('fair')
    expect(graded(score({ ...fine, lossDown: 0.12 }))).toBe('weak')
    expect(score({ ...fine, rtt: 800 })).toBeLessThan(score(fine) - 20)
    expect(score({ ...fine, lossDown: 1 })).toBe(0)
  })

  test('falls quickly and recovers slowly', () => {
    expect(smoothed(undefined, 90)).toBe(90)
    expect(smoothed(90, 40)).toBeCloseTo(55)
    expect(smoothed(40, 90)).toBeCloseTo(60)
  })

  test('counters of a report are read, and two of them give loss and bytes in between', () => {
    const report = (packets: number, lost: number, bytes: number) =>
      new Map<string, Record<string, unknown>>([
        ['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: packets, packetsLost: lost, jitter: 0.01 }],
        ['v', { type: 'inbound-rtp', kind: 'video', packetsReceived: 9999, packetsLost: 999, jitter: 1 }],
        ['r', { type: 'remote-inbound-rtp', kind: 'audio', fractionLost: 0.02, jitter: 0.03, roundTripTime: 0.2 }],
        ['t', { type: 'transport', bytesReceived: bytes, bytesSent: bytes, selectedCandidatePairId: 'p' }],
        ['p', { type: 'candidate-pair', currentRoundTripTime: 0.08 }],
      ])
    const sample = sampleBetween(counters(report(100, 0, 1000), 0), counters(report(190, 10, 1500), 2000))
    expect(sample).toEqual({ rtt: 80, jitter: 30, lossDown: 0.1, lossUp: 0.02, audioPackets: 90, bytes: 1000 })
  })
})

describe('sound first', () => {
  test('own picture goes after 6 s, all after 14 s, each comes back after 20 good seconds', () => {
    const rule = new PictureRule()
    const at = (s: number, grade: 'weak' | 'good') => rule.take(grade, s * 1000)
    expect([at(0, 'weak'), at(4, 'weak'), at(6, 'weak'), at(12, 'weak'), at(14, 'weak')]).toEqual([
      'none',
      'none',
      'own',
      'own',
      'all',
    ])
    expect([at(16, 'good'), at(34, 'good'), at(36, 'good'), at(54, 'good'), at(56, 'good')]).toEqual([
      'all',
      'all',
      'own',
      'own',
      'none',
    ])
  })

  test('a line that is lost takes no pictures away', () => {
    const rule = new PictureRule()
    for (let s = 0; s < 120; s += 2) expect(rule.take('lost', s * 1000)).toBe('none')
  })

  test('a line that wavers does not make pictures flicker', () => {
    const rule = new PictureRule()
    for (let s = 0; s < 300; s += 2) expect(rule.take(s % 6 === 0 ? 'good' : 'weak', s * 1000)).toBe('none')
  })
})

describe('recovery', () => {
  const facts: MediaFacts = {
    connection: 'connected',
    since: 0,
    heardAt: 1000,
    flowAt: 1_000_000,
    expectSound: true,
    expectedSince: 0,
    attemptSince: undefined,
    attempts: 0,
  }
  test.each([
    ['sound flows', facts, 5000, undefined],
    ['failed at once', { ...facts, connection: 'failed' as const }, 1, 'failed'],
    ['disconnected for 2 s', { ...facts, connection: 'disconnected' as const, since: 1000 }, 3000, undefined],
    ['disconnected for over 3 s', { ...facts, connection: 'disconnected' as const, since: 1000 }, 4500, 'disconnected'],
    ['silent for over 8 s', facts, 9500, 'silent'],
    ['silent, but nobody is expected to be heard', { ...facts, expectSound: false }, 60_000, undefined],
    ['silent, but somebody came only just now', { ...facts, expectedSince: 9000 }, 9500, undefined],
    ['nothing at all comes in', { ...facts, flowAt: 1000 }, 6000, 'dead'],
    ['an attempt is under way', { ...facts, connection: 'failed' as const, attemptSince: 1000 }, 5000, undefined],
    ['an attempt got stuck', { ...facts, connection: 'failed' as const, attemptSince: 1000 }, 11_000, 'stuck'],
  ])('%s', (_, given, now, expected) => {
    expect(needsRestart(given, now)).toBe(expected)
  })

  test('pauses grow to four seconds and no further', () => {
    expect([0, 1, 2, 3, 4, 50].map(pause)).toEqual([0, 500, 1000, 2000, 4000, 4000])
  })
})

test('m-lines are read with their direction', () => {
  const sdp =
    'v=0\r\no=- 1 1 IN IP4 0\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP 111\r\na=mid:0\r\na=recvonly\r\nm=video 9 UDP 96\r\na=mid:1\r\na=sendonly\r\nm=audio 9 UDP 111\r\na=mid:x2\r\na=inactive\r\n'
  expect(sections(sdp)).toEqual([
    { mid: '0', kind: 'audio', direction: 'recvonly' },
    { mid: '1', kind: 'video', direction: 'sendonly' },
    { mid: 'x2', kind: 'audio', direction: 'inactive' },
  ])
})

describe('the verdict of the line test', () => {
  const report = { grade: 'good' as const, score: 95, rtt: 30, loss: 0, bytes: 0, micLevel: null }
  test('is good only when the own sound came back', () => {
    expect(verdict([report, { ...report, loss: 0.1 }], true, true)).toEqual({
      grade: 'good',
      rtt: 30,
      loss: 0.05,
      relay: true,
      echo: true,
    })
    expect(verdict([report], false, false).grade).toBe('none')
    expect(verdict([], true, false).grade).toBe('none')
    expect(verdict([{ ...report, grade: 'weak' }], true, false).grade).toBe('weak')
  })
})

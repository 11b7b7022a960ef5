/** Whether the device's clock and time zone can be trusted. Pure. */

/** Minutes that `zone` is ahead of UTC at `at`; undefined when this browser does not know the zone. */
export function zoneOffset(zone: string, at: Date): number | undefined {
  try {
    const parts = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    }).formatToParts(at)
    const value = (type: string) => Number(parts.find((part) => part.type === type)?.value)
    const wall = Date.UTC(value('year'), value('month') - 1, value('day'), value('hour'), value('minute'))
    return Math.round((wall - Math.floor(at.getTime() / 60_000) * 60_000) / 60_000)
  } catch {
    return undefined
  }
}

/** `14:05` in a zone. */
export function timeIn(zone: string, at: Date): string {
  const there = new Date(at.getTime() + (zoneOffset(zone, at) ?? 0) * 60_000)
  return there.toISOString().slice(11, 16)
}

/** Zones with other names and the same time (Vienna, Rome) do as well. */
export const otherZone = (own: string, wanted: string, at: Date): boolean => {
  const [mine, theirs] = [zoneOffset(own, at), zoneOffset(wanted, at)]
  return mine !== undefined && theirs !== undefined && mine !== theirs
}

/** The server's second is cut off and the answer took its time: only what is clearly wrong is told. */
export const tolerance = 60_000

/** How many milliseconds the device is ahead of the server (negative: behind); 0 while it may be right. */
export function clockFault(serverDate: string | null, sent: number, back: number): number {
  const server = Date.parse(serverDate ?? '')
  if (Number.isNaN(server)) return 0
  const ahead = (sent + back) / 2 - (server + 500)
  return Math.abs(ahead) > tolerance + (back - sent) ? ahead : 0
}

/** `Tokyo` of `Asia/Tokyo`. */
export const cityOf = (zone: string): string => zone.slice(zone.lastIndexOf('/') + 1).replaceAll('_', ' ')

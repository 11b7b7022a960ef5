/** The little that we read out of a session description: its m-lines. Nothing is ever written into one. */
export type Section = { mid: string; kind: string; direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive' }

/** The m-lines of `sdp` in order, with the direction seen from its author. */
export function sections(sdp: string): Section[] {
  return sdp
    .split(/\r?\n(?=m=)/)
    .slice(1)
    .map((text) => ({
      mid: /^a=mid:(.*)$/m.exec(text)?.[1]?.trim() ?? '',
      kind: /^m=(\w+)/.exec(text)?.[1] ?? '',
      direction: (/^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(text)?.[1] ?? 'sendrecv') as Section['direction'],
    }))
}

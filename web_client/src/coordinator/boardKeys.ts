/** Arrows on the board: up and down within a lane, sideways to the neighbouring lane. Enter is the button's own. */
const ARROWS = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']

/** Where to go from card `at` of lane `lane`; `sizes` are the numbers of cards in the lanes. Undefined: stay. Pure. */
export function neighbour(
  sizes: readonly number[],
  lane: number,
  at: number,
  key: string,
  rtl: boolean,
): [number, number] | undefined {
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    const next = at + (key === 'ArrowDown' ? 1 : -1)
    return next >= 0 && next < (sizes[lane] ?? 0) ? [lane, next] : undefined
  }
  const step = (key === 'ArrowRight') === rtl ? -1 : 1
  for (let other = lane + step; other >= 0 && other < sizes.length; other += step) {
    const size = sizes[other] ?? 0
    if (size > 0) return [other, Math.min(at, size - 1)]
  }
  return undefined
}

export function moveAmongCards(event: KeyboardEvent, grid: HTMLElement | undefined, rtl: boolean): void {
  if (!grid || !ARROWS.includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return
  const target = event.target as HTMLElement
  if (!target.classList.contains('open')) return
  const lanes = [...grid.querySelectorAll('.lane')].map((lane) => [...lane.querySelectorAll<HTMLElement>('.open')])
  const lane = lanes.findIndex((cards) => cards.includes(target))
  const to = neighbour(
    lanes.map((cards) => cards.length),
    lane,
    lanes[lane]?.indexOf(target) ?? 0,
    event.key,
    rtl,
  )
  if (!to) return
  event.preventDefault()
  lanes[to[0]]?.[to[1]]?.focus()
}

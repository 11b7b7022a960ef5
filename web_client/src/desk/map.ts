/**
 * A schematic of the lands where Arabic is spoken: coast and rivers only, no borders, no names, nothing to scale. It asks which way of
 * speaking is near, not where anybody comes from; the circles are where a way of speaking is heard most.
 */

const wide = 1000
const high = 430
/** The east, where circles would touch, is drawn wider than the west. */
const across = (lon: number): number => (lon < 25 ? ((lon + 14) / 39) * 400 : 400 + ((lon - 25) / 35.5) * (wide - 400))
const down = (lat: number): number => ((38.5 - lat) / 29.5) * high

export const size = { wide, high }
export const at = (lon: number, lat: number): { x: number; y: number } => ({
  x: Math.round(across(lon)),
  y: Math.round(down(lat)),
})

type Line = readonly (readonly [number, number])[]
const trace = (line: Line): string =>
  line
    .map(([lon, lat], n) => {
      const { x, y } = at(lon, lat)
      return `${n === 0 ? 'M' : 'L'}${x} ${y}`
    })
    .join('')

// biome-ignore format: a row of points
const coast: Line = [
  [-13, 27.7], [-9.8, 30], [-9.2, 32.5], [-6.8, 34], [-5.9, 35.8], [-2, 35.2], [3, 36.8], [8, 36.9], [10, 37.3], [11, 36.8], [10.2, 34.3],
  [11, 33.2], [15, 32.3], [19, 30.3], [20, 32], [21.8, 32.9], [25, 31.6], [29, 30.9], [31, 31.5], [32.5, 31.1], [34.2, 31.3], [35, 33],
  [35.8, 35], [36.2, 37], [39, 38], [43, 38], [45.5, 36.8], [46.3, 35], [46, 33.2], [48, 31], [48.5, 29.6], [48.9, 28], [50.1, 26.6],
  [50.8, 24.9], [51.3, 26], [51.8, 24.2], [54.2, 24.2], [56.3, 26.2], [56.7, 24.2], [59.7, 22.5], [57.8, 19], [55, 17], [52, 15.6],
  [48.5, 14], [45, 12.8], [43.4, 12.8], [42.6, 16.2], [40.5, 19.5], [39, 21.5], [37.2, 25], [35.2, 28], [35, 29.5], [34.3, 27.8],
  [32.6, 29.9], [33.6, 27.6], [35.5, 24], [37.1, 21], [37.4, 18.8], [38.6, 17.8], [36.6, 14], [34.5, 10.5], [30, 9.6], [25, 9.8],
  [22.5, 12.5], [24, 19.5], [15, 23], [10, 20.5], [3, 20], [-4.8, 25], [-8.7, 26.5],
]
// biome-ignore format: a row of points
const nile: Line = [[31, 31.2], [31.2, 30], [30.8, 28], [32.7, 25.7], [32.9, 24], [31, 21.8], [30.5, 19.5], [32.5, 18.8], [33.8, 17.6], [32.5, 15.6], [32.6, 13], [31.6, 10]]
// biome-ignore format: a row of points
const euphrates: Line = [[38.5, 37.5], [39, 35.9], [41, 34.4], [43.5, 33], [45.3, 31.3], [47.6, 30.6]]
// biome-ignore format: a row of points
const tigris: Line = [[42, 37.4], [43.1, 36.3], [43.8, 34.5], [44.5, 33], [46.3, 32], [47.6, 30.8]]

export const land = `${trace(coast)}Z`
export const rivers = [nile, euphrates, tigris].map(trace)
/** Where a way of speaking is heard most, by its code. */
export const places: Readonly<Record<string, { x: number; y: number }>> = {
  ary: at(-6.6, 32),
  arq: at(1.6, 32.6),
  aeb: at(9.8, 34),
  ayl: at(17.2, 27.6),
  arz: at(28.6, 27.6),
  apd: at(30.4, 14.6),
  apc: at(36.3, 32.8),
  ayp: at(41.4, 36.4),
  acm: at(45, 31.4),
  afb: at(49.2, 25),
  ayn: at(45.6, 15.6),
}

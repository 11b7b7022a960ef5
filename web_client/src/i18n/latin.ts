/** Serbian Latin for names that come from the server in Cyrillic; the catalogue itself is made at build time by the same map. */
export { toLatin } from '../../scripts/serbian.mjs'

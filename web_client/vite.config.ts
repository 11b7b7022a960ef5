import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { compressSiblings } from './scripts/compress.mjs'
import { texts } from './scripts/texts-plugin.mjs'

const server = process.env.TARJUMAN_DEV_SERVER ?? 'http://127.0.0.1:8080'

/** Svelte's custom elements are not used here; their module has a top-level class that would otherwise stay in each page. */
const unusedSvelte = /svelte\/src\/(internal\/client\/dom\/elements\/custom-element|legacy\/)/
const base =
  /node_modules\/(svelte|esm-env|clsx)\/|web_client\/src\/(i18n\/(?!months|numbers|zoned)|lib\/(?!sending|zones|paths)|api\/(?!resource)|auth\/session)|src\/ui\/(Icon|icons|Button|Banner|ErrorBanner|Badge|Voice|Dialog|live|LiveRegions|toast|Toasts|fonts\.ts)|scripts\/serbian|preload-helper/
/** What every page has but the call page. */
const desk = /web_client\/src\/(i18n\/zoned|lib\/(sending|zones|paths)|api\/resource|ui\/(Bdi|Timer|theme\.svelte|Mark)\b)/
/** The head of the page and what goes with it: one piece, not six. The menu is the guest's too and stays alone. */
const head = /web_client\/src\/(ui\/(AppBar|presses)|auth\/(leave|leftovers|owner)|desk\/(aids|carry)|interpreter\/push|nav)\b/
/** What lists are made of. */
const list = /web_client\/src\/ui\/(Table|Pager|Segmented)\b/
const room =
  /src\/call\/(CallController|PeerTransport|PeerLink|LocalMedia|AudioOut|quality|join|recovery|sdp|picture|pictureRule|people|sounds|checked|CallTile)\b|src\/realtime\/(roomState|turns)|src\/ui\/(Tile|ModeBadge)/

export default defineConfig({
  plugins: [svelte(), texts(), compressSiblings()],
  build: {
    target: 'es2022',
    manifest: true,
    cssCodeSplit: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      treeshake: { moduleSideEffects: [{ test: unusedSvelte, sideEffects: false }] },
      // Few chunks compress better than many: what every page has, what the call page has, and the rest as it falls.
      output: {
        codeSplitting: {
          groups: [
            { name: 'base', test: base },
            { name: 'desk', test: desk, includeDependenciesRecursively: false },
            { name: 'head', test: head, includeDependenciesRecursively: false },
            { name: 'list', test: list, includeDependenciesRecursively: false },
            { name: 'room', test: room, includeDependenciesRecursively: false },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': server,
      '/demo': server,
      '/socket': { target: server, ws: true },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'],
    // A document of its own for each file, but not a process: that took five times as long as all tests.
    pool: 'vmThreads',
    testTimeout: 30_000,
  },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
} as Parameters<typeof defineConfig>[0])

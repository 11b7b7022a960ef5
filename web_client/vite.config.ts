import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vite'
import { compressSiblings } from './scripts/compress.mjs'
import { latinCatalogue } from './scripts/serbian.mjs'

const serbian = fileURLToPath(new URL('./locales/sr-Cyrl.json', import.meta.url))

/** `virtual:sr-Latn` is the Serbian catalogue in Latin script, made from the Cyrillic source at build time. */
function serbianLatin(): Plugin {
  const id = '\0sr-Latn'
  return {
    name: 'tarjuman-serbian-latin',
    resolveId: (source) => (source === 'virtual:sr-Latn' ? id : undefined),
    load(source) {
      if (source !== id) return undefined
      this.addWatchFile(serbian)
      return `export default ${JSON.stringify(latinCatalogue(JSON.parse(readFileSync(serbian, 'utf8'))))}`
    },
  }
}

const server = process.env.TARJUMAN_DEV_SERVER ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [svelte(), serbianLatin(), compressSiblings()],
  build: {
    target: 'es2022',
    manifest: true,
    cssCodeSplit: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
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
    testTimeout: 5000,
  },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
} as Parameters<typeof defineConfig>[0])

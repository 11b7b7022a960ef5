import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { compressSiblings } from './scripts/compress.mjs'
import { texts } from './scripts/texts-plugin.mjs'

const server = process.env.TARJUMAN_DEV_SERVER ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [svelte(), texts(), compressSiblings()],
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

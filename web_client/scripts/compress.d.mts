import type { Plugin } from 'vite'

export function compressTree(dir: string): Promise<void>
export function compressSiblings(): Plugin

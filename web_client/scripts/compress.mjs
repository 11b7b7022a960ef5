// Writes .br and .gz beside each text asset of the build, so that the server never compresses on the way.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const worth = /\.(js|css|html|json|svg|map|txt)$/
const smallest = 512

async function files(dir) {
  const found = await readdir(dir, { withFileTypes: true, recursive: true })
  return found.filter((f) => f.isFile() && worth.test(f.name)).map((f) => join(f.parentPath ?? f.path, f.name))
}

export async function compressTree(dir) {
  for (const path of await files(dir)) {
    const raw = await readFile(path)
    if (raw.length < smallest) continue
    const br = await promisify(brotliCompress)(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
    const gz = await promisify(gzip)(raw, { level: 9 })
    if (br.length < raw.length) await writeFile(`${path}.br`, br)
    if (gz.length < raw.length) await writeFile(`${path}.gz`, gz)
  }
}

export function compressSiblings() {
  let out = 'dist'
  return {
    name: 'tarjuman-compress',
    apply: 'build',
    configResolved(config) {
      out = resolve(config.root, config.build.outDir)
    },
    async closeBundle() {
      await compressTree(out)
    },
  }
}

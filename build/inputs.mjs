import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/**
 * What decides the result of a step: files or folders (by content), and values such
 * as versions of tools.
 * @typedef {{ files: readonly string[], values?: Readonly<Record<string, string>> }} Inputs
 */

/**
 * A digest of inputs that is the same in every clone: paths count relative to `root`.
 * @param {string} root
 * @param {Inputs} inputs
 */
export function digestInputs(root, { files, values = {} }) {
  const hash = createHash('sha256')
  for (const [name, value] of Object.entries(values).sort())
    hash.update(`value ${name} ${value.length}\n${value}\n`)
  for (const path of [...new Set(files.flatMap(listFiles))].sort()) {
    const content = readContent(path)
    hash.update(`file ${relative(root, path).split(sep).join('/')} ${content.length}\n`).update(content)
  }
  return hash.digest('hex').slice(0, 32)
}

/**
 * All files at or below a path; none when it does not exist.
 * @param {string} path
 * @returns {string[]}
 */
export function listFiles(path) {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return []
  if (!stat.isDirectory()) return [path]
  return readdirSync(path)
    .filter((name) => name !== 'target' && name !== 'node_modules')
    .flatMap((name) => listFiles(join(path, name)))
}

/** @param {string} path */
function readContent(path) {
  if (lstatSync(path).isSymbolicLink()) return Buffer.from(`-> ${readlinkSync(path)}`)
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
}

import {
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

/**
 * A name beside `path` that no other process uses.
 * @param {string} path
 */
export function besides(path) {
  return `${path}.tmp-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
}

/**
 * Puts a file in place whole or not at all; leaves it untouched when it already has that content.
 * @param {string} path
 * @param {string | Uint8Array} content
 */
export function writeFileAtomic(path, content) {
  const bytes = Buffer.from(content)
  if (existsSync(path) && readFileSync(path).equals(bytes)) return
  mkdirSync(dirname(path), { recursive: true })
  const temporary = besides(path)
  writeFileSync(temporary, bytes, { flush: true })
  renameSync(temporary, path)
}

/**
 * Copies a file or folder to a name that shows it whole or not at all.
 * @param {string} source
 * @param {string} target
 */
export function copyAtomic(source, target) {
  mkdirSync(dirname(target), { recursive: true })
  const temporary = besides(target)
  try {
    if (statSync(source).isDirectory())
      cpSync(source, temporary, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    else copyFileSync(source, temporary, constants.COPYFILE_FICLONE)
    replace(temporary, target)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    throw error
  }
}

/**
 * Renames over a file, or over a folder by moving the old one away first.
 * @param {string} source
 * @param {string} target
 */
function replace(source, target) {
  if (!statSync(target, { throwIfNoEntry: false })?.isDirectory()) return renameSync(source, target)
  const old = besides(target)
  renameSync(target, old)
  renameSync(source, target)
  rmSync(old, { recursive: true, force: true })
}

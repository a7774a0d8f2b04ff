import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, rmSync } from 'node:fs'
import { relative } from 'node:path'
import { writeFileAtomic } from './atomic.mjs'
import { listFiles } from './inputs.mjs'

/**
 * The record of a finished step: what it was made from, and what its outputs looked like then.
 * @typedef {{ inputs: string, outputs: string, seconds: number }} Stamp
 */

/**
 * Reads a stamp; null when there is none or it does not read as one.
 * @param {string} path
 * @returns {Stamp | null}
 */
export function readStamp(path) {
  if (!existsSync(path)) return null
  try {
    const stamp = JSON.parse(readFileSync(path, 'utf8'))
    return typeof stamp?.inputs === 'string' && typeof stamp.outputs === 'string' ? stamp : null
  } catch {
    return null
  }
}

/**
 * @param {string} path
 * @param {Stamp} stamp
 */
export function writeStamp(path, stamp) {
  writeFileAtomic(path, `${JSON.stringify(stamp)}\n`)
}

/** @param {string} path */
export function removeStamp(path) {
  rmSync(path, { force: true })
}

/**
 * A digest of name, size and time of all output files, so that a deleted, cut off or
 * edited output makes its step run again. Null when one of the outputs is missing.
 * @param {string} root
 * @param {readonly string[]} outputs
 */
export function fingerprint(root, outputs) {
  const hash = createHash('sha256')
  for (const output of outputs) {
    const files = listFiles(output)
    if (files.length === 0) return null
    for (const file of files.sort()) {
      const { size, mtimeMs } = lstatSync(file)
      hash.update(`${relative(root, file)} ${size} ${Math.round(mtimeMs)}\n`)
    }
  }
  return hash.digest('hex').slice(0, 32)
}

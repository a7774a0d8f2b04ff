import { spawn } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { BuildError } from './errors.mjs'

/** Longest wait for another build: a cold build with both kernels on one slow core. */
const WAIT_SECONDS = 3600

/**
 * Takes an exclusive lock on a file, waiting for its present owner.
 *
 * It is a flock(2): the kernel drops it with the last descriptor, so the lock of a
 * process that died, however it died, is free at once and nothing can go stale.
 * Node has no flock of its own; flock(1) locks the open file that it inherits
 * from us, and the lock stays with that open file when flock(1) has ended.
 * @param {string} path
 * @param {{ signal: AbortSignal, onWait?: (owner: string) => void, waitSeconds?: number }} options
 */
export async function acquireLock(path, { signal, onWait, waitSeconds = WAIT_SECONDS }) {
  const fd = openLockFile(path)
  try {
    if (!(await flock(fd, ['--nonblock'], signal))) {
      onWait?.(readFileSync(path, 'utf8').trim() || 'process unknown')
      if (!(await flock(fd, ['--timeout', String(waitSeconds)], signal)))
        throw new BuildError(
          `waited ${waitSeconds} s for the lock ${path}, held by ${readFileSync(path, 'utf8').trim()}`,
          'End that process, or wait for it, then run this again.',
        )
    }
    ftruncateSync(fd)
    writeSync(fd, `process ${process.pid}\n`)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return { release: () => closeSync(fd) }
}

/** @param {string} path */
function openLockFile(path) {
  try {
    mkdirSync(dirname(path), { recursive: true })
    return openSync(path, 'a+')
  } catch (error) {
    throw new BuildError(
      `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`,
      'The folder must be writable; ACTOVISOR_BUILD_CACHE names another one for the cache.',
      { cause: error },
    )
  }
}

/**
 * @param {number} fd
 * @param {string[]} args
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} whether the lock was taken
 */
function flock(fd, args, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', [...args, '3'], { stdio: ['ignore', 'ignore', 'pipe', fd], signal })
    let message = ''
    child.stderr?.setEncoding('utf8').on('data', (text) => (message += text))
    child.once('error', (error) => reject(signal.aborted ? signal.reason : missing(error)))
    child.once('close', (code) => {
      if (code === 0) resolve(true)
      else if (code === 1 && message === '') resolve(false)
      else
        reject(
          new BuildError(
            `flock failed with ${code}: ${message.trim()}`,
            'The folder must be on a file system with locks.',
          ),
        )
    })
  })
}

/** @param {Error} error */
function missing(error) {
  return new BuildError(`cannot run flock: ${error.message}`, 'Install util-linux.', { cause: error })
}

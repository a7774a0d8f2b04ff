// One build at a time in a work directory.

import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

// Longer than a cold build on a slow machine takes.
const waitLimitMs = 45 * 60 * 1000
const pollMs = 500

/**
 * Runs `task` while holding the lock file `path`. The lock of a process that
 * no longer exists is taken over.
 * @param {string} path
 * @param {(line: string) => void} log
 * @param {() => Promise<void>} task
 */
export async function withLock(path, log, task) {
  await acquire(path, log)
  try {
    await task()
  } finally {
    rmSync(path, { force: true })
  }
}

async function acquire(path, log) {
  const own = `${path}.${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    await acquireBy(own, path, log)
  } finally {
    rmSync(own, { force: true })
  }
}

// A link makes the lock appear with its holder's id already in it.
async function acquireBy(own, path, log) {
  const deadline = Date.now() + waitLimitMs
  let announced = false
  for (;;) {
    try {
      linkSync(own, path)
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = readHolder(path)
    if (holder !== null && !isAlive(holder)) {
      rmSync(path, { force: true })
      continue
    }
    if (Date.now() > deadline) {
      throw new Error(
        `The kernel build of process ${holder} has held ${path} for 45 minutes: end it or remove the file.`,
      )
    }
    if (!announced) log(`kernel: waiting for the build of process ${holder}`)
    announced = true
    await sleep(pollMs)
  }
}

// Null when the lock was released meanwhile.
function readHolder(path) {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10)
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

function isAlive(id) {
  try {
    process.kill(id, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

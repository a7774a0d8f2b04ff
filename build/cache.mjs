import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { besides } from './atomic.mjs'
import { BuildError } from './errors.mjs'
import { listFiles } from './inputs.mjs'
import { acquireLock } from './lock.mjs'

/** Results kept for each step; the least recently used go first. */
const KEPT_PER_STEP = 4
/** A result or a temporary folder younger than this may be in use by another build. */
const IN_USE_MS = 24 * 3600 * 1000
const MANIFEST = 'manifest.json'

/**
 * Answers the folder with the result of a step for a digest of its inputs, made by
 * `make` when no build on this machine has made it yet. What `make` leaves in its work
 * folder is there again after an interruption, and gone after success.
 * @param {import('./context.mjs').Context} context
 * @param {{ step: string, task: import('./runner.mjs').Task, make: (folder: string, workDir: string) => Promise<unknown> }} options
 */
export async function fromCache(context, { step, task, make }) {
  const { digest, log } = task
  const folder = join(context.cacheDir, step)
  const entry = join(folder, digest)
  const workDir = join(context.cacheDir, 'work', step)
  const lock = await acquireLock(join(context.cacheDir, 'locks', step), {
    signal: context.signal,
    onWait: (owner) => log(`another build makes ${step} (${owner}); waiting for it`),
  })
  try {
    if (!context.force && isWhole(entry)) {
      log(`from the cache: ${entry}`)
      const now = new Date()
      utimesSync(entry, now, now)
      return entry
    }
    mkdirSync(folder, { recursive: true })
    const temporary = besides(entry)
    try {
      mkdirSync(temporary)
      await make(temporary, workDir)
      if ((await task.digestNow()) !== digest)
        throw new BuildError(`the inputs of ${step} changed while it was made`, 'Run the same command again.')
      writeFileSync(join(temporary, MANIFEST), JSON.stringify(checksums(temporary)), { flush: true })
      rmSync(entry, { recursive: true, force: true })
      renameSync(temporary, entry)
    } finally {
      rmSync(temporary, { recursive: true, force: true })
    }
    rmSync(workDir, { recursive: true, force: true })
    prune(folder, digest)
    return entry
  } finally {
    lock.release()
  }
}

/**
 * Whether an entry has all of its files as they were written: a power cut can leave some empty.
 * @param {string} entry
 */
function isWhole(entry) {
  if (!existsSync(join(entry, MANIFEST))) return false
  try {
    return readFileSync(join(entry, MANIFEST), 'utf8') === JSON.stringify(checksums(entry))
  } catch {
    return false
  }
}

/** @param {string} folder */
function checksums(folder) {
  return listFiles(folder)
    .map((file) => relative(folder, file))
    .filter((name) => name !== MANIFEST)
    .sort()
    .map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ])
}

/**
 * @param {string} folder
 * @param {string} keep
 */
function prune(folder, keep) {
  const old = readdirSync(folder)
    .filter((name) => name !== keep)
    .map((name) => ({ path: join(folder, name), name, used: statSync(join(folder, name)).mtimeMs }))
    .filter(({ used }) => Date.now() - used > IN_USE_MS)
    .sort((a, b) => b.used - a.used)
  const results = old.filter(({ name }) => !name.includes('.tmp-'))
  const doomed = [...old.filter(({ name }) => name.includes('.tmp-')), ...results.slice(KEPT_PER_STEP - 1)]
  for (const { path } of doomed) rmSync(path, { recursive: true, force: true })
}

import { createHash } from 'node:crypto'
import { mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { decodeSuperblock } from '../erofs/superblock.ts'
import { diskSize } from '../erofs/write.ts'
import { CacheBusy, DiskWriteFailed, throwIfAborted } from '../errors.ts'
import { BLOCK } from './block-writer.ts'
import { buildDisk, type DiskRecipe, PARTIAL } from './build.ts'
import { diskUuid } from './identity.ts'
import { lockProcess } from './process-lock.ts'
import { SingleFlight } from './single-flight.ts'

/** A disk in the cache. */
export interface CachedDisk {
  readonly path: string
  readonly bytes: number
}

const flights = new SingleFlight<CachedDisk>()

/** The disk of a recipe, made only when the cache has no whole one; made once however many ask for it. */
export async function cachedDisk(
  recipe: DiskRecipe,
  cacheDir: string,
  lockTimeoutMs: number,
): Promise<CachedDisk> {
  const directory = await prepare(cacheDir)
  const path = join(directory, `${recipe.identity}.erofs`)
  const bytes = await wholeDisk(path, recipe.identity)
  if (bytes !== null) return { path, bytes }
  return flights.run(path, recipe.signal, (signal) => makeLocked({ ...recipe, signal }, path, lockTimeoutMs))
}

/** The size of a finished disk, or null when there is none or it is not whole. */
export async function wholeDisk(path: string, identity: string): Promise<number | null> {
  const block = Buffer.alloc(BLOCK)
  let size: number
  try {
    const file = await open(path)
    try {
      size = (await file.stat()).size
      await file.read(block, 0, BLOCK, 0)
    } finally {
      await file.close()
    }
  } catch {
    // Whatever keeps it from being read, making it anew mends it or says what is wrong.
    return null
  }
  const superblock = decodeSuperblock(block)
  if (superblock === null || !superblock.uuid.equals(diskUuid(identity))) return null
  return size === diskSize(superblock.blocks) ? size : null
}

async function prepare(cacheDir: string): Promise<string> {
  try {
    await mkdir(cacheDir, { recursive: true })
    return await realpath(cacheDir)
  } catch (error) {
    throw new DiskWriteFailed(cacheDir, 'create the cache directory', error)
  }
}

async function makeLocked(recipe: DiskRecipe, path: string, lockTimeoutMs: number): Promise<CachedDisk> {
  const timeout = AbortSignal.timeout(lockTimeoutMs)
  const signal = recipe.signal === undefined ? timeout : AbortSignal.any([recipe.signal, timeout])
  const lock = await lockProcess(diskLock(path), signal)
  if (lock === null) {
    throwIfAborted(recipe.signal)
    throw new CacheBusy(path, lockTimeoutMs)
  }
  try {
    const made = await wholeDisk(path, recipe.identity)
    if (made !== null) return { path, bytes: made }
    await removeRemains(path)
    return { path, bytes: await buildDisk(recipe, path) }
  } finally {
    await lock.release()
  }
}

/** The name of the lock under which a disk is made. */
export function diskLock(path: string): string {
  return `actovisor/disk/${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
}

// No build is so slow; a younger temporary may be that of a process in another network namespace.
const REMAINS_AFTER_MS = 3_600_000

// Temporaries of processes that were killed.
async function removeRemains(path: string): Promise<void> {
  const directory = dirname(path)
  for (const name of await readdir(directory)) {
    if (!name.startsWith(`${basename(path)}${PARTIAL}`)) continue
    const remains = join(directory, name)
    const status = await stat(remains).catch(() => null)
    if (status !== null && Date.now() - status.mtimeMs > REMAINS_AFTER_MS) await rm(remains, { force: true })
  }
}

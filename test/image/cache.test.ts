import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { diskLock } from '../../src/image/disk/cache.ts'
import { lockProcess } from '../../src/image/disk/process-lock.ts'
import { type RootDisk, rootDiskFor } from '../../src/image/index.ts'
import { archive } from './archive.ts'
import { valueOf } from './disk.ts'
import { putLayout, withFolder } from './folder.ts'

const test = suite('disks: the cache')
const TASK = process.argv[2]

interface Input {
  readonly layout: string
  readonly agentPath: string
  readonly cacheDir: string
}

async function disk(options: Input): Promise<RootDisk> {
  return valueOf(await rootDiskFor(options))
}

const inode = (path: string): number => statSync(path).ino

test('returns the disk that it has, and makes another for another agent or image', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    const first = await disk(options)
    const made = inode(first.path)
    assert.equal(await disk(options), first)
    assert.is(inode(first.path), made)
    assert.is(basename(first.path), `${first.identity}.erofs`)
    writeFileSync(options.agentPath, 'another agent')
    const second = await disk(options)
    putLayout(options.layout, [archive([{ name: 'other' }])])
    const third = await disk(options)
    assert.is(new Set([first.path, second.path, third.path]).size, 3)
    assert.is.not(second.imageDigest, third.imageDigest)
    assert.is(second.imageDigest, first.imageDigest)
  }))

test('makes a disk once for many callers', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    let stages = 0
    const onProgress = (): void => void stages++
    const disks = await Promise.all(Array.from({ length: 20 }, () => rootDiskFor({ ...options, onProgress })))
    assert.is(new Set(disks.map((one) => valueOf(one).path)).size, 1)
    assert.is(stages, 3)
  }))

test('makes a disk anew that is cut short, is another, or was damaged at its start', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    const { path, bytes } = await disk(options)
    const spoil = [
      () => truncateSync(path, bytes - 4096),
      () => truncateSync(path, 0),
      () => writeFileSync(path, 'x'.repeat(5000), { flag: 'r+' }),
      () => writeFileSync(path, Buffer.alloc(bytes)),
    ]
    for (const action of spoil) {
      action()
      const spoiled = inode(path)
      assert.is((await disk(options)).bytes, bytes)
      assert.is.not(inode(path), spoiled)
    }
  }))

test('removes old remains of killed processes, and no young ones', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    const { path } = await disk(options)
    for (const name of ['old', 'young']) writeFileSync(`${path}.partial-${name}`, '')
    utimesSync(`${path}.partial-old`, 1, 1)
    truncateSync(path, 0)
    await disk(options)
    assert.equal(readdirSync(options.cacheDir).sort(), [basename(path), `${basename(path)}.partial-young`])
  }))

test('a failure is the same for all who wait, and is not kept', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    const tooSmall = { ...options, limits: { bytes: 4096 } }
    const failed = await Promise.all([rootDiskFor(tooSmall), rootDiskFor(tooSmall)])
    for (const one of failed) assert.is(one.isErr() && one.error.code, 'LIMIT_EXCEEDED')
    assert.ok((await disk(options)).bytes > 0)
  }))

test('says what it waited for when another process keeps the lock', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    await withHolder(options, async () => {
      const busy = await rootDiskFor({ ...options, lockTimeoutMs: 50 })
      assert.is(busy.isErr() && busy.error.code, 'CACHE_BUSY')
      assert.match(busy.isErr() ? busy.error.message : '', 'after 50 ms')
    })
  }))

test('the lock of a process that is killed passes to the next', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    const disks = await withHolder(options, async (kill) => {
      const waiting = disk(options)
      await kill()
      return waiting
    })
    assert.ok(disks.bytes > 0)
  }))

test('processes that start at once make one disk', () =>
  withFolder(async (folder) => {
    const options = input(folder)
    const children = Array.from({ length: 4 }, () =>
      fork(import.meta.filename, ['make', JSON.stringify(options)]),
    )
    const made = await Promise.all(children.map(async (one) => (await once(one, 'message'))[0]))
    assert.is(new Set(made.map(({ path }) => path)).size, 1)
    assert.is(
      made.reduce((sum, { stages }) => sum + stages, 0),
      3,
      'the stages of one build',
    )
    assert.is(readdirSync(options.cacheDir).length, 1)
  }))

// Runs with another process in possession of the lock of the disk of `options`.
async function withHolder<T>(options: Input, body: (kill: () => Promise<void>) => Promise<T>): Promise<T> {
  const child = fork(import.meta.filename, ['hold', JSON.stringify(options)])
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  try {
    assert.equal(await once(child, 'message'), [true, undefined])
    return await body(kill)
  } finally {
    await kill()
  }
}

function input(folder: string): Input {
  putLayout(join(folder, 'layout'), [archive([{ name: 'f', content: 'x'.repeat(20_000) }])])
  writeFileSync(join(folder, 'agent'), 'agent')
  return { layout: join(folder, 'layout'), agentPath: join(folder, 'agent'), cacheDir: join(folder, 'cache') }
}

async function runTask(task: string, options: Input): Promise<void> {
  if (task === 'make') {
    let stages = 0
    const made = await rootDiskFor({ ...options, onProgress: () => void stages++ })
    process.send?.({ path: valueOf(made).path, stages })
    process.disconnect?.()
    return
  }
  const { identity } = await disk({ ...options, cacheDir: `${options.cacheDir}-other` })
  const lock = await lockProcess(
    diskLock(join(options.cacheDir, `${identity}.erofs`)),
    AbortSignal.timeout(10_000),
  )
  process.send?.(lock !== null)
  // Holds on until it is killed.
  process.on('message', () => {})
}

if (TASK === undefined) test.run()
else await runTask(TASK, JSON.parse(process.argv[3] ?? ''))

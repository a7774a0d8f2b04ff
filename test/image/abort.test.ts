import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildRootDisk, guestExtras, type Progress, rootDiskFor } from '../../src/image/index.ts'
import { archive } from './archive.ts'
import { putLayout, withFolder } from './folder.ts'

const test = suite('disks: giving up')

const MIB = 2 ** 20

test('leaves nothing behind when aborted at any stage', () =>
  withFolder(async (folder) => {
    const { layout, agent } = input(folder)
    for (const stage of ['start', 'layer', 'extras', 'write'] as const) {
      const controller = new AbortController()
      const reason = new Error(`enough at ${stage}`)
      if (stage === 'start') controller.abort(reason)
      const onProgress = (progress: Progress): void => {
        if (progress.stage === stage) controller.abort(reason)
      }
      const output = join(folder, 'out', 'disk')
      const extras = guestExtras(agent)
      const built = await buildRootDisk({ layout, output, extras, signal: controller.signal, onProgress })
      const error = built.isErr() ? built.error : null
      assert.is(error?.code, 'ABORTED', stage)
      assert.is(error?.cause, reason)
      assert.equal(readdirSync(join(folder, 'out')), [], stage)
    }
  }))

test('leaves nothing behind when aborted in the middle of a packed layer', () =>
  withFolder(async (folder) => {
    const { layout, agent } = input(folder)
    const controller = new AbortController()
    const output = join(folder, 'out', 'disk')
    const building = buildRootDisk({ layout, output, extras: guestExtras(agent), signal: controller.signal })
    while (readdirSync(join(folder, 'out')).length === 0) await new Promise(setImmediate)
    controller.abort()
    const built = await building
    assert.is(built.isErr() && built.error.code, 'ABORTED')
    assert.equal(readdirSync(join(folder, 'out')), [])
  }))

test('a caller of the cache who gives up does not stop the others', () =>
  withFolder(async (folder) => {
    const { layout, agent } = input(folder)
    const controller = new AbortController()
    let started = 0
    // Of both: whichever comes first begins the work, and only its progress is told.
    const onProgress = (progress: Progress): void => {
      started++
      if (progress.stage === 'extras') controller.abort()
    }
    const options = { layout, agentPath: agent, cacheDir: join(folder, 'cache'), onProgress }
    const quitter = rootDiskFor({ ...options, signal: controller.signal })
    const stayer = rootDiskFor(options)
    const [quit, stayed] = await Promise.all([quitter, stayer])
    assert.is(quit.isErr() && quit.error.code, 'ABORTED')
    assert.ok(stayed.isOk())
    assert.is(started, 4, 'two layers, extras and the end, once')
  }))

test('stops the work when every caller of the cache has given up', () =>
  withFolder(async (folder) => {
    const { layout, agent } = input(folder)
    const cacheDir = join(folder, 'cache')
    const controller = new AbortController()
    const { signal } = controller
    const onProgress = (): void => controller.abort()
    const options = { layout, agentPath: agent, cacheDir, signal, onProgress }
    const both = await Promise.all([rootDiskFor(options), rootDiskFor(options)])
    for (const one of both) assert.is(one.isErr() && one.error.code, 'ABORTED')
    assert.equal(readdirSync(cacheDir), [])
    assert.ok((await rootDiskFor({ layout, agentPath: agent, cacheDir })).isOk())
  }))

function input(folder: string): { layout: string; agent: string } {
  const layers = [1, 2].map((n) => archive([{ name: `f${n}`, content: Buffer.alloc(8 * MIB, n) }]))
  const layout = join(folder, 'layout')
  putLayout(layout, layers, { compression: 'gzip' })
  const agent = join(folder, 'agent')
  writeFileSync(agent, Buffer.alloc(2 * MIB, 'a'))
  mkdirSync(join(folder, 'out'))
  return { layout, agent }
}

test.run()

import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromCache } from '../../build/cache.mjs'
import { contextIn, inFolder, TASK } from './folder.ts'

const task = (digest: string, now = digest) => ({ ...TASK, digest, digestNow: async () => now })

/** Asks the cache below `folder` for a result, which says how many were made before it. */
function cacheIn(folder: string) {
  let made = 0
  const make = async (target: string) => writeFileSync(join(target, 'result'), `result ${++made}`)
  return {
    get: async (digest: string, force = false) => {
      const entry = await fromCache(contextIn(folder, { force }), {
        step: 'step',
        task: task(digest),
        make,
      })
      return readFileSync(join(entry, 'result'), 'utf8')
    },
  }
}

test('a result is made once for a digest', () =>
  inFolder(async (folder) => {
    const cache = cacheIn(folder)
    assert.is(await cache.get('a'), 'result 1')
    assert.is(await cache.get('a'), 'result 1')
    assert.is(await cache.get('b'), 'result 2')
  }))

test('builds that ask at once make it once', () =>
  inFolder(async (folder) => {
    const cache = cacheIn(folder)
    const results = await Promise.all([cache.get('a'), cache.get('a'), cache.get('a')])
    assert.equal(results, ['result 1', 'result 1', 'result 1'])
  }))

test('a damaged result is made again', () =>
  inFolder(async (folder) => {
    const cache = cacheIn(folder)
    await cache.get('a')
    writeFileSync(join(folder, 'cache/step/a/result'), '')
    assert.is(await cache.get('a'), 'result 2')
  }))

test('force makes it again', () =>
  inFolder(async (folder) => {
    const cache = cacheIn(folder)
    await cache.get('a')
    assert.is(await cache.get('a', true), 'result 2')
  }))

test('a failure leaves nothing behind', () =>
  inFolder(async (folder) => {
    const make = async (target: string) => {
      writeFileSync(join(target, 'half'), '')
      throw new Error('no space')
    }
    const asked = fromCache(contextIn(folder), { step: 'step', task: task('a'), make })
    assert.match(await asked.catch((error: Error) => error.message), 'no space')
    assert.equal(readdirSync(join(folder, 'cache/step')), [])
  }))

test('a result of inputs that changed meanwhile is not kept', () =>
  inFolder(async (folder) => {
    const asked = fromCache(contextIn(folder), { step: 'step', task: task('a', 'b'), make: async () => {} })
    assert.match(await asked.catch((error: Error) => error.message), 'changed while it was made')
    assert.equal(readdirSync(join(folder, 'cache/step')), [])
  }))

test('a work folder outlives a failure, and goes with success', () =>
  inFolder(async (folder) => {
    let half = false
    const ask = (fail: boolean) =>
      fromCache(contextIn(folder), {
        step: 'step',
        task: task('a'),
        make: async (_: string, workDir: string) => {
          half = existsSync(workDir)
          mkdirSync(workDir, { recursive: true })
          if (fail) throw new Error('interrupted')
        },
      })
    await ask(true).catch(() => null)
    await ask(false)
    assert.ok(half)
    assert.not(existsSync(join(folder, 'cache/work/step')))
  }))

test('old results go, the least recently used first', () =>
  inFolder(async (folder) => {
    const cache = cacheIn(folder)
    for (const [age, digest] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      await cache.get(digest)
      const used = new Date(Date.UTC(2020, 0, 10 - age))
      utimesSync(join(folder, 'cache/step', digest), used, used)
    }
    await cache.get('f')
    assert.equal(readdirSync(join(folder, 'cache/step')).sort(), ['a', 'b', 'c', 'f'])
  }))

test.run()

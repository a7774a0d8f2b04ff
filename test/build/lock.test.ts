import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { acquireLock } from '../../build/lock.mjs'
import { inFolder } from './folder.ts'

const never = new AbortController().signal

test('the second waits, is told for whom, and has the lock once the first lets go', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'lock')
    const first = await acquireLock(path, { signal: never })
    const waiting = Promise.withResolvers<string>()
    const second = acquireLock(path, { signal: never, onWait: waiting.resolve })
    assert.is(await waiting.promise, `process ${process.pid}`)
    first.release()
    ;(await second).release()
  }))

test('a wait ends at its deadline with an error that names the owner', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'lock')
    const first = await acquireLock(path, { signal: never })
    const error = await acquireLock(path, { signal: never, waitSeconds: 0.05 }).then(
      () => new Error('it was granted'),
      (reason: Error) => reason,
    )
    first.release()
    assert.match(error.message, `held by process ${process.pid}`)
  }))

test('an abort ends the wait with its reason', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'lock')
    const first = await acquireLock(path, { signal: never })
    const abort = new AbortController()
    const reason = new Error('no more')
    const second = acquireLock(path, { signal: abort.signal, onWait: () => abort.abort(reason) })
    assert.is(await second.catch((error: unknown) => error), reason)
    first.release()
  }))

test('the lock of a process that was killed is free', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'lock')
    const module = pathToFileURL(join(process.cwd(), 'build/lock.mjs')).href
    const script = `import { acquireLock } from ${JSON.stringify(module)}
      await acquireLock(${JSON.stringify(path)}, { signal: new AbortController().signal })
      console.log('held')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    ;(await acquireLock(path, { signal: never, waitSeconds: 0 })).release()
  }))

test.run()

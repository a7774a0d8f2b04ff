import { execFile } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runChild } from './child.mjs'
import { NOTHING, add } from './result.mjs'

const never = new AbortController().signal

test('a run in which nothing matches fails, and ends with the counts', async () => {
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string }>()
  execFile(process.execPath, ['test/run.mjs', 'no-such-test'], (error, stdout) =>
    resolve({ code: error?.code, stdout }),
  )
  const { code, stdout } = await promise
  assert.is(code, 1)
  assert.is(stdout.trimEnd().split('\n').at(-1), '0 passed, 1 failed, 0 skipped')
  assert.match(stdout, 'no test ran')
})

test('a child that overruns its deadline is killed with all that it started', async () => {
  const { code, end, output } = await runChild('sh', ['-c', 'echo started; sleep 1000 & sleep 1000'], {
    cwd: '/',
    signal: never,
    deadlineSeconds: 0.2,
  })
  assert.is(code, null)
  assert.is(end, 'overran its deadline of 0.2 s')
  assert.is(output, 'started\n')
})

test('what a child leaves running is killed with it', async () => {
  const { code, seconds } = await runChild('sh', ['-c', 'sleep 1000 & exit 3'], {
    cwd: '/',
    signal: never,
    deadlineSeconds: 60,
  })
  assert.is(code, 3)
  assert.ok(seconds < 30)
})

test('a command that cannot be run is said', async () => {
  const { code, end } = await runChild('/no/such/program', [], {
    cwd: '/',
    signal: never,
    deadlineSeconds: 60,
  })
  assert.is(code, null)
  assert.match(end, 'ENOENT')
})

test('counts add up', () => {
  const sum = add({ ...NOTHING, passed: 1, skipped: 2, kvmSkipped: 1 }, { ...NOTHING, passed: 2, failed: 1 })
  assert.equal([sum.passed, sum.failed, sum.skipped, sum.kvmSkipped], [3, 1, 2, 1])
})

test.run()

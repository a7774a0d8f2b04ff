import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HostThreads, VmLink } from '../../src/host/interface.ts'
import { booted, execRequest, failureTag, scriptedThreads, unaborted, valueOf } from './threads.ts'

const test = suite<{ threads: HostThreads; link: VmLink }>('host: requests')

test.before(async (context) => {
  context.threads = scriptedThreads(1)
  context.link = await booted(context.threads)
})

test.after(async ({ threads, link }) => {
  link.kill()
  await link.ended
  await threads.close()
})

test('answers an exec with output, status and time', async ({ link }) => {
  const report = valueOf(await link.call('exec', execRequest(['both', '7']), unaborted))
  assert.equal(
    [Buffer.from(report.stdout).toString(), Buffer.from(report.stderr).toString()],
    ['out\n', 'err\n'],
  )
  assert.equal([report.code, report.signal, report.timedOut], [7, null, false])
  assert.ok(report.wallNs > 0n)
})

test('carries more than a window of input and output', async ({ link }) => {
  const input = Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 253)
  const report = valueOf(await link.call('exec', execRequest(['cat'], { input }), unaborted))
  assert.is(Buffer.compare(report.stdout, input), 0)
  assert.is(input.length, 3_000_000)
})

test('collects single bytes without keeping an object for each', async ({ link }) => {
  const report = valueOf(await link.call('exec', execRequest(['drip', '20000']), unaborted))
  assert.is(report.stdout.length, 20_000)
})

test('hands on why a program could not be run', async ({ link }) => {
  const outcome = await link.call('exec', execRequest(['nope']), unaborted)
  assert.ok(!outcome.ok && outcome.error._tag === 'Refused')
  assert.equal([outcome.error.reason, outcome.error.step, outcome.error.errno], ['not-found', 'execve', 2])
})

test('kills a program that writes more than is wanted', async ({ link }) => {
  const outcome = await link.call(
    'exec',
    execRequest(['flood', '5000000'], { maxOutputBytes: 1_000_000 }),
    unaborted,
  )
  assert.is(failureTag(outcome), 'OutputLimit')
  assert.is(valueOf(await link.call('metrics', null, unaborted)).openRequests, 0)
})

test('gives a program up when its signal is aborted, before and while it runs', async ({ link }) => {
  assert.is(failureTag(await link.call('exec', execRequest(['sleep']), AbortSignal.abort())), 'Abandoned')
  const controller = new AbortController()
  const running = link.call('exec', execRequest(['sleep']), controller.signal)
  await link.call('ping', null, unaborted)
  controller.abort()
  assert.is(valueOf(await running).signal, 9)
})

test('counts what an agent says about requests that are over', async ({ link }) => {
  valueOf(await link.call('exec', execRequest(['late']), unaborted))
  valueOf(await link.call('ping', null, unaborted))
  assert.is(valueOf(await link.call('metrics', null, unaborted)).lateMessages, 3)
})

test('reads the console', async ({ link }) => {
  const bytes = valueOf(await link.call('console', { maxBytes: 11 }, unaborted))
  assert.is(Buffer.from(bytes).toString(), '(scripted)\n')
})

test('refuses a connection that is not the agent’s', async ({ threads }) => {
  const link = await booted(threads, 'double.boot=intruder-first')
  valueOf(await link.call('ping', null, unaborted))
  assert.is(valueOf(await link.call('metrics', null, unaborted)).refusedConnections, 1)
  link.kill()
  await link.ended
})

test('answers requests that overlap by themselves', async ({ link }) => {
  const all = Array.from({ length: 100 }, (_, index) =>
    link.call('exec', execRequest(['echo', `${index}`]), unaborted),
  )
  const texts = (await Promise.all(all)).map((outcome) => Buffer.from(valueOf(outcome).stdout).toString())
  assert.equal(
    texts,
    Array.from({ length: 100 }, (_, index) => `${index}\n`),
  )
})

test('refuses more requests than a table holds', async ({ link }) => {
  const controller = new AbortController()
  const open = Array.from({ length: 256 }, () => link.call('exec', execRequest(['sleep']), controller.signal))
  assert.is(failureTag(await link.call('exec', execRequest(['true']), unaborted)), 'TooManyRequests')
  controller.abort()
  await Promise.all(open)
  assert.is(valueOf(await link.call('exec', execRequest(['true']), unaborted)).code, 0)
})

test.run()

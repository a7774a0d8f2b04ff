import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AgentFailure } from '../../src/agent/failure.ts'
import type { HostThreads } from '../../src/host/interface.ts'
import {
  booted,
  execRequest,
  failureTag,
  scriptedThreads,
  spawnRequest,
  unaborted,
  valueOf,
} from './threads.ts'

const test = suite<{ threads: HostThreads }>('host: faults')

test.before((context) => {
  context.threads = scriptedThreads(1)
})

test.after(({ threads }) => threads.close())

for (const [command, detail] of [
  ['thread-exit', /exited with code: 3/u],
  ['thread-throw', /thrown in the host thread/u],
  ['thread-oom', /memory limit/u],
] as const)
  test(`${command}: settles everything on the thread, then and later, and replaces it`, async ({
    threads,
  }) => {
    const link = await booted(threads)
    const neighbour = await booted(threads)
    const process = valueOf(await neighbour.call('spawn', spawnRequest(['sleep']), unaborted))
    const pending = neighbour.call('exec', execRequest(['sleep']), unaborted)
    const outcome = await link.call('exec', execRequest([command]), unaborted)
    assert.ok(!outcome.ok && outcome.error._tag === 'VmEnded')
    assert.is(outcome.error.end.kind, 'thread-lost')
    assert.match(outcome.error.end.detail, detail)
    assert.is(failureTag(await pending), 'VmEnded')
    assert.is(failureTag(await process.ended), 'VmEnded')
    assert.is(failureTag(await neighbour.call('ping', null, unaborted)), 'VmEnded')
    assert.is((await neighbour.ended).kind, 'thread-lost')
    const next = await booted(threads)
    assert.is(valueOf(await next.call('exec', execRequest(['true']), unaborted)).code, 0)
    next.kill()
    await next.ended
  })

test('ends a thread that hangs, as the last resort', async ({ threads }) => {
  const link = await booted(threads)
  const pending = link.call('exec', execRequest(['thread-spin']), unaborted)
  link.kill()
  link.terminateThread()
  assert.is(failureTag(await pending), 'VmEnded')
  assert.is((await link.ended).kind, 'thread-lost')
})

test('a defect in the work for one VM ends that one alone', async ({ threads }) => {
  const link = await booted(threads)
  const neighbour = await booted(threads)
  assert.is(failureTag(await link.call('exec', execRequest(['defect']), unaborted)), 'LinkEnded')
  const end = await link.ended
  assert.is(end.kind, 'internal-error')
  assert.match(end.detail, /not an error of the contract/u)
  assert.is(valueOf(await neighbour.call('exec', execRequest(['true']), unaborted)).code, 0)
  neighbour.kill()
  await neighbour.ended
})

test('tells of a machine that stops under a request', async ({ threads }) => {
  const link = await booted(threads)
  assert.is.not(failureTag(await link.call('exec', execRequest(['panic']), unaborted)), null)
  const end = await link.ended
  assert.is(end.kind, 'guest-panic')
  assert.match(Buffer.from(end.consoleTail).toString(), /Linux version/u)
})

test('tells of a machine that was not created', async ({ threads }) => {
  const link = await booted(threads, 'double.create=KERNEL_INVALID')
  const end = await link.ended
  assert.equal(
    [end.kind, end.code, end.detail],
    ['not-created', 'KERNEL_INVALID', 'scripted: KERNEL_INVALID'],
  )
  assert.is(failureTag(await link.call('ping', null, unaborted)), 'VmEnded')
})

for (const [command, tag] of [
  ['garbage', 'ProtocolViolation'],
  ['oversize', 'ProtocolViolation'],
  ['disconnect', 'LinkEnded'],
] as const)
  test(`${command}: ends the connection, not the machine, and says so`, async ({ threads }) => {
    const lost = Promise.withResolvers<AgentFailure>()
    const link = await booted(threads, '', { onAgentLost: lost.resolve })
    assert.is(failureTag(await link.call('exec', execRequest([command]), unaborted)), tag)
    assert.is((await lost.promise)._tag, tag)
    assert.is(failureTag(await link.call('ping', null, unaborted)), tag)
    link.kill()
    assert.is((await link.ended).kind, 'killed')
  })

test('ends the connection of a program that writes beyond its grant', async ({ threads }) => {
  const lost = Promise.withResolvers<AgentFailure>()
  const link = await booted(threads, '', { onAgentLost: lost.resolve })
  const process = valueOf(await link.call('spawn', spawnRequest(['overrun']), unaborted))
  assert.is((await lost.promise)._tag, 'ProtocolViolation')
  assert.is(failureTag(await process.ended), 'ProtocolViolation')
  link.kill()
  await link.ended
})

test('settles what is on its threads when they are closed', async () => {
  const threads = scriptedThreads(2)
  const links = await Promise.all([booted(threads), booted(threads), booted(threads)])
  const pending = links.map((link) => link.call('exec', execRequest(['sleep']), unaborted))
  await threads.close()
  for (const outcome of await Promise.all(pending)) assert.is(failureTag(outcome), 'VmEnded')
  for (const link of links) assert.is((await link.ended).kind, 'thread-lost')
})

test.run()

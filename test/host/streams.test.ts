import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { INITIAL_WINDOW_BYTES } from '../../src/agent/limits.ts'
import type { ByteSource, HostThreads, VmLink } from '../../src/host/interface.ts'
import { booted, failureTag, scriptedThreads, spawnRequest, unaborted, valueOf } from './threads.ts'

const test = suite<{ threads: HostThreads; link: VmLink }>('host: streams')

test.before(async (context) => {
  context.threads = scriptedThreads(1)
  context.link = await booted(context.threads)
})

test.after(async ({ threads, link }) => {
  link.kill()
  await link.ended
  await threads.close()
})

const readAll = async (source: ByteSource): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  for (;;) {
    const part = valueOf(await source.next())
    if (part === null) return Buffer.concat(parts)
    parts.push(part)
  }
}

const guestBytes = async (link: VmLink) => valueOf(await link.call('metrics', null, unaborted)).vsockTxBytes

test('keeps the streams of a program apart and tells its end', async ({ link }) => {
  const process = valueOf(await link.call('spawn', spawnRequest(['both', '3']), unaborted))
  assert.ok(process.pid > 0)
  assert.is((await readAll(process.stdout)).toString(), 'out\n')
  assert.is((await readAll(process.stderr)).toString(), 'err\n')
  assert.is(valueOf(await process.ended).code, 3)
  assert.is(process.stdin, null)
})

test('lets a program send no more than a window beyond what its reader took', async ({ link }) => {
  const before = await guestBytes(link)
  const process = valueOf(await link.call('spawn', spawnRequest(['flood', '20000000']), unaborted))
  // Each ping goes through the same connection after what the program could send.
  for (let n = 0; n < 20; n += 1) await link.call('ping', null, unaborted)
  const unread = Number((await guestBytes(link)) - before)
  assert.ok(unread >= INITIAL_WINDOW_BYTES && unread < INITIAL_WINDOW_BYTES + 20_000, `${unread} bytes`)
  assert.is((await readAll(process.stdout)).length, 20_000_000)
  assert.is(valueOf(await process.ended).code, 0)
})

test('lets a writer send no more than a window beyond what the program took', async ({ link }) => {
  const controller = new AbortController()
  const process = valueOf(
    await link.call('spawn', spawnRequest(['deaf'], { stdin: true }), controller.signal),
  )
  const writing = process.stdin?.write(new Uint8Array(INITIAL_WINDOW_BYTES + 1))
  const settled = await Promise.race([writing, link.call('ping', null, unaborted).then(() => 'waits')])
  assert.is(settled, 'waits')
  controller.abort()
  assert.is(failureTag((await writing) ?? { ok: true, value: null }), 'StreamClosed')
  assert.is(valueOf(await process.ended).signal, 9)
})

test('carries input as it is consumed, in order, and keeps the caller’s memory', async ({ link }) => {
  const process = valueOf(await link.call('spawn', spawnRequest(['cat'], { stdin: true }), unaborted))
  const reading = readAll(process.stdout)
  const part = Uint8Array.from({ length: 100_000 }, (_, index) => index % 241)
  for (let n = 0; n < 20; n += 1) valueOf((await process.stdin?.write(part)) ?? { ok: true, value: null })
  valueOf((await process.stdin?.end()) ?? { ok: true, value: null })
  const whole = await reading
  assert.is(whole.length, 2_000_000)
  assert.is(Buffer.compare(whole.subarray(1_900_000), part), 0)
  assert.is(part.length, 100_000)
})

test('refuses writes after the end', async ({ link }) => {
  const process = valueOf(await link.call('spawn', spawnRequest(['count'], { stdin: true }), unaborted))
  await process.stdin?.write(Buffer.from('abc'))
  await process.stdin?.end()
  assert.is(
    failureTag((await process.stdin?.write(Buffer.from('d'))) ?? { ok: true, value: null }),
    'StreamClosed',
  )
  assert.is((await readAll(process.stdout)).toString(), '3')
})

test('drops the rest of a stream whose reader left, so that its program ends', async ({ link }) => {
  const process = valueOf(await link.call('spawn', spawnRequest(['flood', '3000000']), unaborted))
  valueOf(await process.stdout.next())
  process.stdout.discard()
  assert.is(valueOf(await process.ended).code, 0)
})

test('tells signals and sizes to a terminal', async ({ link }) => {
  const tty = { rows: 24, columns: 80 }
  const process = valueOf(await link.call('spawn', spawnRequest(['terminal'], { tty }), unaborted))
  assert.is(Buffer.from(valueOf(await process.stdout.next()) ?? '').toString(), '24x80\n')
  valueOf(await process.resize(50, 132))
  assert.is(Buffer.from(valueOf(await process.stdout.next()) ?? '').toString(), '50x132\n')
  assert.is(valueOf(await process.stderr.next()), null)
  valueOf(await process.signal(2))
  assert.is((await readAll(process.stdout)).toString(), 'signal 2\n')
  valueOf(await process.ended)
  assert.is(failureTag(await process.signal(2)), 'StreamClosed')
})

test('says why a program does not start', async ({ link }) => {
  assert.is(failureTag(await link.call('spawn', spawnRequest(['nope']), unaborted)), 'Refused')
  assert.is(failureTag(await link.call('spawn', spawnRequest(['sleep']), AbortSignal.abort())), 'Abandoned')
})

test('writes and reads files as streams', async ({ link }) => {
  const request = { path: '/big', mode: 0o600, uid: 0, gid: 0, parents: true }
  const sink = valueOf(await link.call('writeFile', request, unaborted))
  const bytes = Uint8Array.from({ length: 700_000 }, (_, index) => index % 239)
  valueOf(await sink.write(bytes))
  valueOf(await sink.end())
  assert.is(valueOf(await sink.ended), 700_000n)
  const source = valueOf(await link.call('readFile', { path: '/big', offset: 0n, length: 0n }, unaborted))
  assert.is(Buffer.compare(await readAll(source), bytes), 0)
  const missing = valueOf(await link.call('readFile', { path: '/none', offset: 0n, length: 0n }, unaborted))
  assert.is(failureTag(await missing.next()), 'Refused')
})

test('a stream that breaks off does not look complete', async ({ threads }) => {
  const link = await booted(threads)
  const process = valueOf(await link.call('spawn', spawnRequest(['sleep'], { stdin: true }), unaborted))
  const reading = process.stdout.next()
  link.kill()
  await link.ended
  assert.is.not(failureTag(await reading), null)
  assert.is.not(failureTag(await process.ended), null)
  assert.is.not(
    failureTag((await process.stdin?.write(new Uint8Array(1))) ?? { ok: true, value: null }),
    null,
  )
})

test.run()

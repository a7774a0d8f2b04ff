import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Actovisor } from '../../src/api/actovisor.ts'
import type { Files } from '../../src/api/files.ts'
import { errorOf, valueOf } from '../doubles/results.ts'
import { openDouble } from '../doubles/runtime.ts'

const test = suite<{ runtime: Actovisor; files: Files }>('api: files')

test.before(async (context) => {
  context.runtime = await openDouble()
  context.files = (await valueOf(context.runtime.start())).files
})

test.after(async ({ runtime }) => {
  await runtime.close()
})

test('writes and reads text, bytes and streams', async ({ files }) => {
  assert.is(await valueOf(files.write('/t', 'hällo')), 6n)
  assert.is(Buffer.from(await valueOf(files.read('/t'))).toString(), 'hällo')
  const large = Uint8Array.from({ length: 1_000_000 }, (_, index) => index % 251)
  assert.is(await valueOf(files.write('/l', large)), 1_000_000n)
  assert.is(Buffer.compare(await valueOf(files.read('/l')), large), 0)
  async function* parts() {
    for (let n = 0; n < 5; n += 1) yield large.subarray(0, 100_000)
  }
  assert.is(await valueOf(files.write('/s', parts())), 500_000n)
  const streamed = await Array.fromAsync(await valueOf(files.readStream('/s')))
  assert.is(Buffer.concat(streamed).length, 500_000)
  assert.is(Buffer.from(await valueOf(files.read('/t', { offset: 1, length: 2 }))).toString(), 'ä')
})

test('tells about files and removes them', async ({ files }) => {
  await valueOf(files.write('/x', 'abc'))
  const stat = await valueOf(files.stat('/x'))
  assert.equal([stat.kind, stat.size, stat.mode, stat.target], ['regular', 3n, 0o644, null])
  assert.ok((await valueOf(files.list('/'))).some(({ name }) => name === '/x'))
  await valueOf(files.remove('/x'))
  const gone = await errorOf(files.stat('/x'))
  assert.ok(gone._tag === 'RequestRefused' && gone.reason === 'not-found')
})

test('refuses what cannot work before the guest sees it', async ({ files }) => {
  assert.is((await errorOf(files.write('relative', '')))._tag, 'InvalidOption')
  assert.is((await errorOf(files.write('/a', '', { mode: 0o10000 })))._tag, 'InvalidOption')
  assert.is((await errorOf(files.read('/a', { offset: -1 })))._tag, 'InvalidOption')
})

test('holds no more of a file than is allowed', async ({ files }) => {
  await valueOf(files.write('/big', new Uint8Array(300_000)))
  const error = await errorOf(files.read('/big', { maxBytes: 100_000 }))
  assert.ok(error._tag === 'OutputTooLarge' && error.limit === 100_000)
})

test('a stream of a file that is missing throws when it is read', async ({ files }) => {
  const stream = await valueOf(files.readStream('/none'))
  const error = await stream.next().then(
    () => null,
    (thrown: unknown) => thrown,
  )
  assert.is(error instanceof Error && '_tag' in error && error._tag, 'RequestRefused')
})

test('an iterable that throws leaves no file, and the error is the caller’s', async ({ files }) => {
  async function* broken() {
    yield new Uint8Array(10)
    throw new Error('of the caller')
  }
  const thrown = await files.write('/broken', broken()).then(
    () => null,
    (error: unknown) => String(error),
  )
  assert.is(thrown, 'Error: of the caller')
  assert.is((await errorOf(files.stat('/broken')))._tag, 'RequestRefused')
})

test.run()

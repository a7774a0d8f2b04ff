import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RequestRefused } from '../../src/promises.ts'
import { needsKvm } from '../harness.ts'
import { failure, sharedGuest } from './guest.ts'

const test = needsKvm(suite('files of a guest'))
const shared = sharedGuest(test)

test('what is written is read back', async () => {
  const { vm } = shared()
  const contents = randomBytes(3 << 20)
  assert.is(await vm.files.write('/root/a/b/data', contents, { mode: 0o600, parents: true }), BigInt(3 << 20))
  assert.is(Buffer.compare(await vm.files.read('/root/a/b/data'), contents), 0)
  const middle = await vm.files.read('/root/a/b/data', { offset: 100, length: 50 })
  assert.is(Buffer.compare(middle, contents.subarray(100, 150)), 0)
  const { kind, mode, size, uid } = await vm.files.stat('/root/a/b/data')
  assert.equal([kind, mode & 0o777, size, uid], ['regular', 0o600, BigInt(3 << 20), 0])
})

test('a folder is listed and removed', async () => {
  const { vm } = shared()
  await vm.exec(['sh', '-c', 'mkdir -p /tmp/many && cd /tmp/many && touch $(seq 1000) && ln -s 1 link'])
  const entries = await vm.files.list('/tmp/many')
  assert.is(entries.length, 1001)
  assert.is(entries.find(({ name }) => name === 'link')?.target, '1')
  const error = (await failure(vm.files.remove('/tmp/many'))) as RequestRefused
  assert.is(error._tag, 'RequestRefused')
  await vm.files.remove('/tmp/many', { recursive: true })
  const gone = (await failure(vm.files.stat('/tmp/many'))) as RequestRefused
  assert.equal([gone._tag, gone.reason], ['RequestRefused', 'not-found'])
})

test('what is no regular file is not read', async () => {
  const { vm } = shared()
  await vm.exec(['mkfifo', '/tmp/fifo'])
  for (const path of ['/tmp/fifo', '/dev/zero', '/tmp']) {
    const error = await failure(vm.files.read(path))
    assert.is(error._tag, 'RequestRefused', path)
  }
})

test('a full file system is told and leaves no part behind', async () => {
  const { vm } = shared()
  await vm.exec(['sh', '-c', 'mkdir /tmp/small && mount -t tmpfs -o size=1m tmpfs /tmp/small'])
  const error = (await failure(vm.files.write('/tmp/small/big', new Uint8Array(4 << 20)))) as RequestRefused
  assert.equal([error._tag, error.errno], ['RequestRefused', 28])
  assert.equal(await vm.files.list('/tmp/small'), [])
})

test('the root of the image is not changed for the next VM', async () => {
  const { runtime, vm } = shared()
  await vm.files.write('/bin/planted', 'x')
  const other = await runtime.start({ memoryMib: 128 })
  const error = (await failure(other.files.stat('/bin/planted'))) as RequestRefused
  assert.is(error.reason, 'not-found')
  await other.close()
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Actovisor, RequestRefused } from '../../src/promises.ts'
import { openDouble } from '../doubles/runtime.ts'

const test = suite('api: promises')

const thrownBy = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

test('does what the results do, and throws their errors', async () => {
  await using runtime = new Actovisor(await openDouble())
  const vm = await runtime.start()
  assert.is((await vm.exec(['echo', 'hi'])).text, 'hi\n')
  const error = await thrownBy(vm.exec(['nope']))
  assert.ok(error instanceof RequestRefused && error instanceof Error)
  assert.match(error.stack ?? '', /RequestRefused: exec in VM/u)
  const process = await vm.spawn(['cat'], { stdin: 'pipe' })
  await process.stdin?.write('abc')
  await process.stdin?.end()
  assert.is(Buffer.concat(await Array.fromAsync(process.stdout)).toString(), 'abc')
  assert.is((await process.exit).exitCode, 0)
  await vm.files.write('/p', 'text')
  assert.is(Buffer.from(await vm.files.read('/p')).toString(), 'text')
  assert.is((await vm.files.stat('/p')).size, 4n)
  await vm.files.remove('/p')
  assert.is((await vm.close()).forced, false)
  assert.is((await thrownBy(vm.ping())) === vm.stopReason, true)
})

test.run()

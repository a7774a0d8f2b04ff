import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorOf, valueOf } from '../doubles/results.ts'
import { openDouble } from '../doubles/runtime.ts'

const test = suite('api: what is left')

const threads = () => readdirSync('/proc/self/task').length
const descriptors = () => readdirSync('/proc/self/fd').length
const handles = () => process.getActiveResourcesInfo().length

/** A runtime in which all that can happen to VMs does. */
const eventfulLife = async () => {
  const runtime = await openDouble({ hostThreads: 2 })
  const start = () => valueOf(runtime.start())
  const [killed, panicked, busy] = [await start(), await start(), await start()]
  await Promise.all([killed, panicked, busy].map((vm) => valueOf(vm.exec(['both', '0']))))
  await valueOf(killed.kill())
  await errorOf(panicked.exec(['panic']))
  const pending = errorOf(busy.exec(['sleep']))
  await errorOf(runtime.start({ cmdline: 'double.boot=never-connects', bootTimeoutMs: 5 }))
  await errorOf(runtime.start({ signal: AbortSignal.abort() }))
  await runtime.close()
  assert.is((await pending)._tag, 'VmStopped')
  assert.equal(runtime.stats().vms, {})
  assert.is((await errorOf(runtime.start()))._tag, 'RuntimeClosed')
}

test('nothing, after a runtime with all that can happen to VMs', async () => {
  // What Node itself keeps from now on comes with the first one.
  await eventfulLife()
  const before = [threads(), descriptors(), handles()]
  for (let round = 0; round < 3; round += 1) await eventfulLife()
  assert.equal([threads(), descriptors(), handles()], before)
})

test('two runtimes in one process do not know of each other', async () => {
  const first = await openDouble()
  const second = await openDouble()
  const vm = await valueOf(second.start())
  await valueOf(first.start())
  await first.close()
  assert.is((await valueOf(vm.exec(['echo', 'still']))).text, 'still\n')
  await second.close()
})

test('a VM that is disposed of is gone, and so is a runtime', async () => {
  let state: () => string = () => ''
  {
    await using runtime = await openDouble()
    await using vm = await valueOf(runtime.start())
    state = () => vm.state
    assert.is(state(), 'ready')
  }
  assert.is(state(), 'stopped')
})

for (const [way, code] of [
  ['exit', 4],
  ['throw', 1],
  ['close', 0],
  ['idle', 0],
] as const)
  test(`a process that ends by ${way} ends, with the status that it chose`, async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./exit-child.js', import.meta.url)), way], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    })
    const [exit, output] = await Promise.all([once(child, 'exit'), Array.fromAsync(child.stdout)])
    assert.equal([exit, Buffer.concat(output).toString()], [[code, null], 'ready\n'])
  })

test.run()

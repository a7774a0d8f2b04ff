import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHostThreads } from '../../src/host/main/host-threads.ts'
import { needsKvm } from '../harness.ts'
import { holdings, withRuntime } from './guest.ts'
import { builtInKernel } from './kernels.ts'

const test = needsKvm(suite('processes and threads that end with a VM in them'))
const CHILD = fileURLToPath(new URL('./exit-child.js', import.meta.url))

for (const [way, code, signal] of [
  ['exit', 4, null],
  ['throw', 1, null],
  ['close', 0, null],
  ['terminate', null, 'SIGTERM'],
] as const) {
  test(`a process that ends by ${way} takes its VM along and does not crash`, async () => {
    const child = spawn(process.execPath, [CHILD, way], { stdio: ['ignore', 'pipe', 'ignore'] })
    const ended = once(child, 'exit')
    await Promise.race([once(child.stdout, 'data'), ended])
    if (way === 'terminate') child.kill('SIGTERM')
    assert.equal(await ended, [code, signal])
  })
}

test('a thread terminated with a VM in it ends the VM and frees all of it', async () => {
  const flavour = await withRuntime(async (runtime) => runtime.host.flavour)
  const threads = startHostThreads({
    threads: 1,
    vmsPerThread: 4,
    heapMib: 64,
    bindingModule: null,
    onError: () => {},
  })
  try {
    const started = Promise.withResolvers<null>()
    const link = threads.start(
      {
        id: 'victim',
        kernelPath: builtInKernel(flavour),
        flavour,
        cmdline: '',
        memoryMib: 128,
        vcpus: 1,
        rootDiskPath: null,
        guestCid: 3,
        consoleBytes: 65_536,
      },
      {
        onStage: (name) => {
          if (name === 'started') started.resolve(null)
        },
        onBooted: () => {},
        onAgentLost: () => {},
      },
    )
    await started.promise
    assert.is(holdings().vcpuThreads, 1)
    link.terminateThread()
    await link.ended
    const answer = await link.call('ping', null, AbortSignal.timeout(10_000))
    assert.is(answer.ok, false)
  } finally {
    await threads.close()
  }
  assert.equal(holdings(), { vcpuThreads: 0, kvmDescriptors: 0, kvmMappings: 0, diskMappings: 0 })
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { VmStopped } from '../../src/promises.ts'
import { needsKvm } from '../harness.ts'
import { failure, holdings, withRuntime } from './guest.ts'

const test = needsKvm(suite('how a VM ends'))
const NOTHING = { vcpuThreads: 0, kvmDescriptors: 0, kvmMappings: 0, diskMappings: 0 }

test('a poweroff ends it clean, and what runs is told', async () => {
  await withRuntime(async (runtime) => {
    const vm = await runtime.start({ memoryMib: 128 })
    const running = failure(vm.exec(['sleep', '1000']))
    await vm.exec(['true'])
    await vm.poweroff()
    assert.is(vm.state, 'stopped')
    assert.is((await running)._tag, 'VmStopped')
    assert.is((await failure(vm.exec(['true'])))._tag, 'VmStopped')
  })
  assert.equal(holdings(), NOTHING)
})

test('a kill ends it at once', async () => {
  await withRuntime(async (runtime) => {
    const vm = await runtime.start({ memoryMib: 128 })
    const running = failure(vm.exec(['sleep', '1000']))
    await vm.exec(['true'])
    await vm.kill()
    assert.is((await running)._tag, 'VmStopped')
  })
  assert.equal(holdings(), NOTHING)
})

test('a reboot from inside ends it', async () => {
  await withRuntime(async (runtime) => {
    const vm = await runtime.start({ memoryMib: 128 })
    const error = (await failure(vm.exec(['reboot', '-f']))) as VmStopped
    assert.is(error._tag, 'VmStopped')
    assert.is(vm.stopReason?._tag, 'VmStopped')
  })
})

test('a panic of the guest kernel is told with its reason', async () => {
  await withRuntime(async (runtime) => {
    const vm = await runtime.start({ memoryMib: 96 })
    const eat =
      'cd /proc/sys/vm; echo 2 >panic_on_oom; echo 1 >overcommit_memory; dd if=/dev/zero of=/dev/null bs=200M count=1'
    const error = (await failure(vm.exec(['sh', '-c', eat]))) as VmStopped
    assert.equal([error._tag, error.code], ['VmStopped', 'VM_GUEST_PANIC'])
    assert.match(error.detail, /Out of memory/i)
    assert.match(error.consoleTail, /Kernel panic - not syncing/)
  })
  assert.equal(holdings(), NOTHING)
})

test('closing the runtime ends every VM', async () => {
  await withRuntime(async (runtime) => {
    await Promise.all([1, 2, 3].map(() => runtime.start({ memoryMib: 128 })))
    assert.is(holdings().vcpuThreads, 3)
  })
  assert.equal(holdings(), NOTHING)
})

test('a guest that writes to its console without end is killed like any other', async () => {
  await withRuntime(async (runtime) => {
    const vm = await runtime.start({ memoryMib: 128 })
    const flood = await vm.spawn(['sh', '-c', 'yes flood >/dev/ttyS0'])
    // Messages get through while it floods.
    for (let round = 0; round < 20; round++) await vm.ping()
    assert.match(Buffer.from(await vm.console()).toString(), /flood/)
    await vm.kill()
    await failure(flood.exit)
  })
  assert.equal(holdings(), NOTHING)
})

test.run()

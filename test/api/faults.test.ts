import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Actovisor } from '../../src/api/actovisor.ts'
import { openRuntime } from '../../src/api/open.ts'
import { errorOf, valueOf } from '../doubles/results.ts'
import { bindingModule, openDouble, preparedDouble } from '../doubles/runtime.ts'
import * as Effect from 'effect/Effect'
import { MissingArtifact } from '../../src/errors/host.ts'

const test = suite<{ runtime: Actovisor }>('api: faults')

test.before(async (context) => {
  context.runtime = await openDouble()
})

test.after(async ({ runtime }) => {
  await runtime.close()
})

const boots: readonly [string, string, RegExp][] = [
  ['double.boot=never-connects', 'BOOT_DEADLINE', /within 300 ms; it reached the stage kernel-entry/u],
  ['double.boot=silent', 'BOOT_DEADLINE', /agent-connected; the agent of the image/u],
  ['double.boot=panics', 'BOOT_GUEST_STOPPED', /guest-panic: Kernel panic - not syncing/u],
  ['double.boot=garbage', 'BOOT_AGENT_LOST', /broke the protocol/u],
  ['double.boot=wrong-version', 'BOOT_AGENT_LOST', /speaks version 99; this host speaks 1/u],
  ['double.create=NO_MEMORY', 'BOOT_NOT_CREATED', /scripted: NO_MEMORY; .*lower memoryMib/u],
]

for (const [cmdline, code, message] of boots)
  test(`a boot with ${cmdline} fails with stages, console and hint`, async ({ runtime }) => {
    const error = await errorOf(runtime.start({ cmdline, bootTimeoutMs: 300 }))
    assert.ok(error._tag === 'BootFailed', error.message)
    assert.is(error.code, code)
    assert.match(error.message, message)
    assert.is(error.stages.at(-1)?.name, error.stage)
    if (code !== 'BOOT_NOT_CREATED') assert.match(error.consoleTail, /Linux version/u)
    assert.equal(runtime.stats().vms, {})
  })

test('a boot is given up on the signal, at whatever stage', async ({ runtime }) => {
  for (const stage of ['thread', 'created', 'kernel-entry', 'agent-connected']) {
    const controller = new AbortController()
    const events = runtime.events()
    const starting = errorOf(runtime.start({ cmdline: 'double.boot=silent', signal: controller.signal }))
    for await (const event of events)
      if (event.type === 'vm-stage' && event.stage === stage) controller.abort(stage)
      else if (controller.signal.aborted) break
    const error = await starting
    assert.ok(error._tag === 'Aborted' && error.reason === stage)
    assert.equal(runtime.stats().vms, {})
  }
})

test('a VM whose guest panics says so to everyone, then and later', async ({ runtime }) => {
  const vm = await valueOf(runtime.start())
  const process = await valueOf(vm.spawn(['sleep']))
  const [asked, exit] = await Promise.all([errorOf(vm.exec(['panic'])), errorOf(process.exit)])
  for (const error of [asked, exit, await errorOf(vm.ping()), vm.stopReason]) {
    assert.ok(error?._tag === 'VmStopped')
    assert.is(error.code, 'VM_GUEST_PANIC')
    assert.match(error.consoleTail, /Linux version/u)
  }
  assert.is(vm.state, 'failed')
})

test('a VM whose thread is lost says so, and the next one starts', async ({ runtime }) => {
  const vm = await valueOf(runtime.start())
  const error = await errorOf(vm.exec(['thread-exit']))
  assert.ok(error._tag === 'VmStopped' && error.code === 'VM_THREAD_LOST')
  assert.match(error.message, /exited with code: 3/u)
  const next = await valueOf(runtime.start())
  assert.is((await valueOf(next.exec(['true']))).exitCode, 0)
  await next.kill()
})

test('a VM whose agent breaks the protocol is killed', async ({ runtime }) => {
  const vm = await valueOf(runtime.start())
  const error = await errorOf(vm.exec(['garbage']))
  assert.ok(error._tag === 'VmStopped' && error.code === 'VM_AGENT_LOST')
  assert.equal([vm.state, vm.stopReason?.code], ['failed', 'VM_AGENT_LOST'])
})

test('a guest that does not power itself off is killed after its grace', async ({ runtime }) => {
  const vm = await valueOf(runtime.start({ cmdline: 'double.poweroff=ignored' }))
  assert.is((await errorOf(vm.poweroff({ timeoutMs: 10 })))._tag, 'DeadlineExceeded')
  assert.is(vm.state, 'stopping')
  assert.is((await valueOf(vm.close({ graceMs: 10 }))).forced, true)
  assert.is(vm.state, 'stopped')
  assert.is((await valueOf(vm.close())).forced, false)
})

test('a request that is not answered in time is given up', async ({ runtime }) => {
  const vm = await valueOf(runtime.start())
  const error = await errorOf(vm.exec(['stubborn'], { signal: AbortSignal.timeout(10) }))
  assert.is(error._tag, 'Aborted')
  assert.is((await valueOf(vm.exec(['true']))).exitCode, 0)
  await vm.kill()
})

test('memory stays flat while a guest floods a reader that stopped', async ({ runtime }) => {
  const vm = await valueOf(runtime.start())
  const before = process.memoryUsage().rss
  const floods = await Promise.all(
    Array.from({ length: 8 }, () => valueOf(vm.spawn(['flood', '1000000000']))),
  )
  for (const flood of floods) await flood.stdout.next()
  for (let n = 0; n < 50; n += 1) await valueOf(vm.ping())
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  assert.ok(grown < 64, `grew by ${grown} MiB`)
  await vm.kill()
  for (const flood of floods) assert.is((await errorOf(flood.exit))._tag, 'VmStopped')
})

test('what the set-up has not made is named, with what to do', async () => {
  const missing = new MissingArtifact({ what: 'guest kernel', path: '/none/vmlinux' })
  const substitutes = { bindingModule, prepare: () => Effect.fail(missing) }
  const runtime = new Actovisor(await valueOf(openRuntime({ hostThreads: 1 }, substitutes)))
  assert.match((await errorOf(runtime.start())).message, /no \/none\/vmlinux; run node build\.mjs/u)
  await runtime.close()
})

test('a host that cannot run VMs is an error of opening, not of starting', async () => {
  const prepare = () => Effect.succeed(preparedDouble)
  const error = await errorOf(openRuntime({}, { bindingModule: '/none/binding.js', prepare }))
  assert.ok(error._tag === 'HostUnsupported' && error.reason === 'ADDON_UNLOADABLE')
  assert.match(error.message, /run node build\.mjs/u)
})

test('more VMs than there are places are refused', async () => {
  const runtime = await openDouble({ vmsPerThread: 2 })
  await valueOf(runtime.start())
  const second = await valueOf(runtime.start())
  const error = await errorOf(runtime.start())
  assert.ok(error._tag === 'Overloaded' && error.limit === 'VMs' && error.value === 2)
  await second.kill()
  await valueOf(runtime.start())
  await runtime.close()
})

test.run()

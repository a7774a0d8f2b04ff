import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Actovisor } from '../../src/api/actovisor.ts'
import type { Vm } from '../../src/api/vm.ts'
import { errorOf, valueOf } from '../doubles/results.ts'
import { openDouble } from '../doubles/runtime.ts'

const test = suite<{ runtime: Actovisor; vm: Vm }>('api: a VM')

test.before(async (context) => {
  context.runtime = await openDouble()
  context.vm = await valueOf(context.runtime.start({ env: { VM: 'yes', BOTH: 'vm' } }))
})

test.after(async ({ runtime }) => {
  await runtime.close()
})

test('is ready, with its stages in order', ({ vm, runtime }) => {
  assert.equal([vm.state, vm.stopReason, vm.guest.kernel], ['ready', null, '6.12.0-double'])
  const names = vm.stages.map(({ name }) => name)
  assert.equal(names, ['thread', 'created', 'vcpu-run', 'kernel-entry', 'agent-connected', 'agent-ready'])
  const times = vm.stages.map(({ atMs }) => atMs)
  assert.equal(
    times,
    times.toSorted((a, b) => a - b),
  )
  assert.equal([runtime.host.cpuModel, runtime.stats().vms], ['Scripted', { ready: 1 }])
})

test('runs a program to its end', async ({ vm }) => {
  const result = await valueOf(vm.exec(['both', '7']))
  assert.equal(
    [result.text, result.errorText, result.exitCode, result.succeeded],
    ['out\n', 'err\n', 7, false],
  )
  assert.is((await valueOf(vm.exec(['die-of', '11']))).signal, 11)
  assert.is((await valueOf(vm.exec(['cat'], { input: 'hällo' }))).text, 'hällo')
})

test('gives programs environment, directory and user of image, VM and call', async ({ vm }) => {
  const env = (await valueOf(vm.exec(['env'], { env: { OWN: '1', BOTH: 'own' } }))).text.split('\n')
  assert.equal(env.toSorted(), ['BOTH=own', 'IMAGE=yes', 'OWN=1', 'PATH=/image/bin', 'VM=yes'])
  assert.is((await valueOf(vm.exec(['where']))).text, '/work worker')
  assert.is((await valueOf(vm.exec(['where'], { cwd: '/x', user: '0:0' }))).text, '/x 0:0')
})

test('says when a program was killed because its time was up', async ({ vm }) => {
  const result = await valueOf(vm.exec(['sleep'], { timeoutMs: 5 }))
  assert.equal([result.timedOut, result.signal, result.exitCode], [true, 9, null])
})

test('says what is wrong with a program, and with what is asked', async ({ vm }) => {
  const missing = await errorOf(vm.exec(['nope']))
  assert.ok(missing._tag === 'RequestRefused')
  assert.equal([missing.reason, missing.step, missing.errno], ['not-found', 'execve', 2])
  assert.match(missing.message, /exec in VM .* failed at execve: nope/u)
  assert.is((await errorOf(vm.exec([])))._tag, 'InvalidOption')
  assert.is((await errorOf(vm.spawn(['a'], { cwd: 'x' })))._tag, 'InvalidOption')
  const large = await errorOf(vm.exec(['env'], { env: { BIG: 'x'.repeat(200_000) } }))
  assert.is(large._tag, 'RequestTooLarge')
  const flood = await errorOf(vm.exec(['flood', '3000000'], { maxOutputBytes: 100_000 }))
  assert.ok(flood._tag === 'OutputTooLarge' && flood.limit === 100_000)
})

test('gives up on the signal what runs and what has not begun', async ({ vm }) => {
  const early = await errorOf(vm.exec(['true'], { signal: AbortSignal.abort(new Error('early')) }))
  assert.ok(early._tag === 'Aborted' && String(early.reason) === 'Error: early')
  const controller = new AbortController()
  const running = errorOf(vm.exec(['sleep'], { signal: controller.signal }))
  await valueOf(vm.ping())
  controller.abort()
  assert.is((await running)._tag, 'Aborted')
  await valueOf(vm.ping())
  assert.is((await valueOf(vm.metrics())).openRequests, 0)
})

test('streams a program both ways', async ({ vm }) => {
  const process = await valueOf(vm.spawn(['cat'], { stdin: 'pipe' }))
  const { stdin } = process
  assert.ok(stdin !== null)
  const reading = Array.fromAsync(process.stdout)
  for (let n = 0; n < 10; n += 1) await valueOf(stdin.write('x'.repeat(100_000)))
  await valueOf(stdin.end())
  assert.is(Buffer.concat(await reading).length, 1_000_000)
  assert.equal(await Array.fromAsync(process.stderr), [])
  assert.is((await valueOf(process.exit)).exitCode, 0)
})

test('signals and resizes a program on a terminal', async ({ vm }) => {
  const process = await valueOf(vm.spawn(['terminal'], { tty: { rows: 1, columns: 2 } }))
  await valueOf(process.resize({ rows: 3, columns: 4 }))
  assert.is((await errorOf(process.kill(0)))._tag, 'InvalidOption')
  assert.is((await errorOf(process.resize({ rows: -1, columns: 4 })))._tag, 'InvalidOption')
  await valueOf(process.kill('SIGINT'))
  assert.is(Buffer.concat(await Array.fromAsync(process.stdout)).toString(), '1x2\n3x4\nsignal 2\n')
  await process.exit
  assert.is((await errorOf(process.kill()))._tag, 'StreamClosed')
})

test('gives a spawned program up on the signal, however long it has run', async ({ vm }) => {
  const controller = new AbortController()
  const process = await valueOf(vm.spawn(['sleep'], { signal: controller.signal }))
  await valueOf(vm.ping())
  controller.abort()
  assert.is((await valueOf(process.exit)).signal, 9)
})

test('leaving the loop over a stream drops the rest', async ({ vm }) => {
  const process = await valueOf(vm.spawn(['flood', '2000000']))
  for await (const part of process.stdout) {
    assert.ok(part.length > 0)
    break
  }
  assert.is((await valueOf(process.exit)).exitCode, 0)
})

test.run()

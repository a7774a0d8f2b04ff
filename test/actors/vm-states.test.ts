import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { begin, failureOf, inWorld, pass, readyVm, request, settle } from './world.ts'

const test = suite('actors: states of a VM')

test(
  'is ready when its agent says so, with the stages that it passed',
  inWorld(({ runtime, threads }) =>
    Effect.gen(function* () {
      const starting = yield* begin(runtime.start(request))
      assert.equal(runtime.stats().vms, { booting: 1 })
      threads.last.observer.onStage('created', process.hrtime.bigint())
      threads.last.boots()
      const vm = yield* Fiber.join(starting)
      assert.is(vm.view.state.name, 'ready')
      assert.is(vm.view.stages[0]?.name, 'created')
      assert.ok((vm.view.stages[0]?.atMs ?? -1) >= 0)
      assert.equal(runtime.stats().vms, { ready: 1 })
    }),
  ),
)

test(
  'fails with stages, console and hint when it is not ready in time, and is taken down',
  inWorld(({ runtime, threads }) =>
    Effect.gen(function* () {
      const starting = yield* begin(runtime.start(request))
      threads.last.observer.onStage('kernel', process.hrtime.bigint())
      yield* pass(request.bootMs - 1)
      assert.is(threads.last.killed, 0)
      yield* pass(1)
      const error = yield* failureOf(starting)
      assert.ok(error._tag === 'BootFailed')
      assert.equal([error.code, error.stage, error.consoleTail], ['BOOT_DEADLINE', 'kernel', 'the console\n'])
      assert.match(error.message, /500 ms.*kernel.*console/u)
      yield* settle
      assert.equal([runtime.stats().vms, runtime.stats().failedTotal], [{}, 1])
    }),
  ),
)

test(
  'tells the ways in which a boot fails apart',
  inWorld(({ runtime, threads }) =>
    Effect.gen(function* () {
      const fail = Effect.fnUntraced(function* (how: () => void) {
        const starting = yield* begin(runtime.start(request))
        how()
        const error = yield* failureOf(starting)
        assert.ok(error._tag === 'BootFailed')
        return error
      })
      const panic = yield* fail(() =>
        threads.last.end('guest-panic', 'not syncing', 'VFS: Unable to mount root fs on pmem0'),
      )
      assert.equal([panic.code, panic.hint.includes('root disk')], ['BOOT_GUEST_STOPPED', true])
      const refused = yield* fail(() => threads.last.end('not-created', 'EACCES', '', 'KVM_PERMISSION'))
      assert.equal([refused.code, refused.hint.includes('group kvm')], ['BOOT_NOT_CREATED', true])
      const lost = yield* fail(() => threads.last.end('thread-lost', 'exit 3', ''))
      assert.is(lost.code, 'BOOT_THREAD_LOST')
      const failure = { _tag: 'ProtocolViolation', detail: 'it speaks version 9' } as const
      const agent = yield* fail(() => threads.last.observer.onAgentLost(failure))
      assert.equal([agent.code, agent.message.includes('version 9')], ['BOOT_AGENT_LOST', true])
    }),
  ),
)

test(
  'refuses what needs the guest while it boots or stops, with its state',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const stopping = yield* begin(vm.stop('poweroff', 0, 60_000))
      assert.is(vm.view.state.name, 'stopping')
      const error = yield* Effect.flip(vm.call('ping', null, 100))
      assert.ok(error._tag === 'IllegalState' && error.state === 'stopping')
      const console = yield* begin(vm.call('console', { maxBytes: 1 }, 100))
      assert.is(link.calls.at(-1)?.operation, 'console')
      yield* Fiber.interrupt(console)
      link.end('reset')
      yield* Fiber.join(stopping)
    }),
  ),
)

test(
  'powers off when the guest does, and is stopped then',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const stopping = yield* begin(vm.stop('close', 5_000, 60_000))
      assert.is(link.calls[0]?.operation, 'poweroff')
      link.end('reset', 'power off')
      const report = yield* Fiber.join(stopping)
      assert.equal([report.forced, vm.view.state.name, link.killed], [false, 'stopped', 0])
      const error = yield* Effect.flip(vm.call('ping', null, 100))
      assert.ok(error._tag === 'VmStopped' && error.code === 'VM_STOPPED')
    }),
  ),
)

test(
  'is killed when it does not power off within its grace',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const stopping = yield* begin(vm.stop('close', 5_000, 60_000))
      yield* pass(4_999)
      assert.is(link.killed, 0)
      yield* pass(1)
      assert.equal(yield* Fiber.join(stopping), { forced: true, detail: 'killed: by the host' })
      assert.is(vm.view.state.name, 'stopped')
    }),
  ),
)

test(
  'gives up a power-off that takes too long without killing, and can be killed after that',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const stopping = yield* begin(vm.stop('poweroff', 0, 1_000))
      yield* pass(1_000)
      assert.is((yield* failureOf(stopping))._tag, 'DeadlineExceeded')
      assert.equal([vm.view.state.name, link.killed], ['stopping', 0])
      assert.is((yield* vm.stop('kill', 0, 1_000)).forced, true)
    }),
  ),
)

test(
  'ends a thread that does not obey a kill',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      link.onKill = null
      const stopping = yield* begin(vm.stop('kill', 0, 60_000))
      yield* pass(4_999)
      assert.is(link.terminated, 0)
      yield* pass(1)
      assert.equal([link.terminated, (yield* Fiber.join(stopping)).forced], [1, true])
      assert.is(vm.view.state.name, 'failed')
    }),
  ),
)

test(
  'waits a moment for the panic of a kernel whose agent is gone, and says which it was',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const asking = yield* begin(vm.call('ping', null, 60_000))
      link.observer.onAgentLost({ _tag: 'LinkEnded', reason: 'reset' })
      link.calls[0]?.answer({ ok: false, error: { _tag: 'LinkEnded', reason: 'reset' } })
      yield* settle
      assert.equal([vm.view.state.name, link.killed], ['stopping', 0])
      link.end('guest-panic', 'Attempted to kill init!')
      const error = yield* failureOf(asking)
      assert.ok(error._tag === 'VmStopped' && error.code === 'VM_GUEST_PANIC')
      assert.is(vm.view.state.name, 'failed')
    }),
  ),
)

test(
  'kills a machine that goes on without its agent',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const asking = yield* begin(vm.call('ping', null, 60_000))
      link.observer.onAgentLost({ _tag: 'LinkEnded', reason: 'it closed' })
      link.calls[0]?.answer({ ok: false, error: { _tag: 'LinkEnded', reason: 'it closed' } })
      yield* pass(2_000)
      const error = yield* failureOf(asking)
      assert.ok(error._tag === 'VmStopped' && error.code === 'VM_AGENT_LOST')
      assert.match(error.message, /it closed/u)
    }),
  ),
)

test(
  'kills a machine at once whose agent breaks the protocol',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      link.observer.onAgentLost({ _tag: 'ProtocolViolation', detail: 'nonsense' })
      yield* settle
      assert.equal([link.killed, vm.view.state.name], [1, 'failed'])
      const error = yield* Effect.flip(vm.call('ping', null, 10))
      assert.ok(error._tag === 'VmStopped' && error.message.includes('nonsense'))
    }),
  ),
)

test(
  'settles what is asked of it once when its thread is lost, and frees its place',
  inWorld(
    (world) =>
      Effect.gen(function* () {
        const { vm, link } = yield* readyVm(world)
        const full = yield* Effect.flip(world.runtime.start(request))
        assert.ok(full._tag === 'Overloaded' && full.limit === 'VMs')
        const asking = yield* begin(vm.call('ping', null, 60_000))
        const end = { kind: 'thread-lost', detail: 'x', code: null, consoleTail: new Uint8Array(0) } as const
        link.end('thread-lost', 'worker exited with code: 3')
        link.calls[0]?.answer({ ok: false, error: { _tag: 'VmEnded', end } })
        const error = yield* failureOf(asking)
        assert.ok(error._tag === 'VmStopped' && error.code === 'VM_THREAD_LOST')
        yield* settle
        assert.equal(world.runtime.stats().vms, {})
        yield* readyVm(world)
      }),
    { maxVms: 1 },
  ),
)

test(
  'admits requests without waiting for those before, up to its limit',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const first = yield* begin(vm.call('ping', null, 1_000))
      for (let n = 0; n < 3; n += 1) yield* begin(vm.call('ping', null, 1_000))
      assert.is(link.calls.length, 4)
      const error = yield* Effect.flip(vm.call('ping', null, 1_000))
      assert.ok(error._tag === 'Overloaded' && error.value === 4)
      link.calls[0]?.answer({ ok: false, error: { _tag: 'OutputLimit', limitBytes: 5 } })
      assert.is((yield* failureOf(first))._tag, 'OutputTooLarge')
      yield* begin(vm.call('ping', null, 1_000))
      assert.is(link.calls.length, 5)
    }),
  ),
)

test(
  'gives a request up at its deadline and when it is interrupted, and tells the thread',
  inWorld((world) =>
    Effect.gen(function* () {
      const { vm, link } = yield* readyVm(world)
      const late = yield* begin(vm.call('ping', null, 100))
      const interrupted = yield* begin(vm.call('ping', null, 60_000))
      yield* pass(100)
      const error = yield* failureOf(late)
      assert.ok(error._tag === 'DeadlineExceeded' && error.deadlineMs === 100)
      assert.equal(
        link.calls.map(({ signal }) => signal.aborted),
        [true, false],
      )
      yield* Fiber.interrupt(interrupted)
      assert.is(link.calls[1]?.signal.aborted, true)
    }),
  ),
)

test.run()

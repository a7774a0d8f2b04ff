import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import * as Scope from 'effect/Scope'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRuntime } from '../../src/actors/runtime.ts'
import { FakeThreads } from './fake-link.ts'
import { begin, failureOf, inWorld, limits, pass, readyVm, request, settle } from './world.ts'

const test = suite('actors: runtime')

test(
  'boots so many at once; the others wait, and more than that are refused',
  inWorld(
    ({ runtime, threads }) =>
      Effect.gen(function* () {
        const starting = yield* Effect.forEach([1, 2, 3], () => begin(runtime.start(request)))
        assert.equal([threads.links.length, runtime.stats().startsWaiting], [1, 2])
        const refused = yield* Effect.flip(runtime.start(request))
        assert.ok(refused._tag === 'Overloaded' && refused.limit === 'starts that wait')
        for (const started of starting) {
          threads.last.boots()
          yield* Fiber.join(started)
          yield* settle
        }
        assert.equal(runtime.stats().vms, { ready: 3 })
        assert.equal([runtime.stats().startedTotal, runtime.stats().startsRejected], [3, 1])
      }),
    { concurrentStarts: 1, waitingStarts: 2 },
  ),
)

test(
  'times the wait for a turn',
  inWorld(
    ({ runtime }) =>
      Effect.gen(function* () {
        yield* begin(runtime.start({ ...request, bootMs: 60_000 }))
        const waiting = yield* begin(runtime.start(request))
        yield* pass(limits.startWaitMs)
        assert.is((yield* failureOf(waiting))._tag, 'DeadlineExceeded')
      }),
    { concurrentStarts: 1 },
  ),
)

test(
  'takes down a VM whose start is interrupted, at whatever stage',
  inWorld(
    ({ runtime, threads }) =>
      Effect.gen(function* () {
        const booting = yield* begin(runtime.start(request))
        const waiting = yield* begin(runtime.start(request))
        yield* Fiber.interrupt(waiting)
        assert.is(threads.links.length, 1)
        yield* Fiber.interrupt(booting)
        yield* settle
        assert.is(threads.last.killed, 1)
        assert.equal(
          [runtime.stats().vms, runtime.stats().startsRunning, runtime.stats().startsWaiting],
          [{}, 0, 0],
        )
      }),
    { concurrentStarts: 1 },
  ),
)

test(
  'tells of states and stages',
  inWorld((world) =>
    Effect.gen(function* () {
      const events = world.runtime.events.listen()
      const { vm, link } = yield* readyVm(world)
      link.observer.onStage('late', process.hrtime.bigint())
      yield* settle
      yield* vm.stop('kill', 0, 1_000)
      const seen: string[] = []
      for (let n = 0; n < 4; n += 1) {
        const { value } = yield* Effect.promise(() => events.next())
        seen.push(value?.type === 'vm-state' ? `${value.from} ${value.to}` : value?.type)
      }
      assert.equal(seen, ['booting ready', 'vm-stage', 'ready stopping', 'stopping stopped'])
    }),
  ),
)

test(
  'lets nothing start once it is drained, stops every VM, and answers those who wait for one',
  inWorld((world) =>
    Effect.gen(function* () {
      const { runtime, threads } = world
      const { vm, link } = yield* readyVm(world)
      const starting = yield* begin(runtime.start(request))
      const draining = yield* begin(runtime.drain(1_000))
      assert.is(link.calls[0]?.operation, 'poweroff')
      assert.is(threads.last.killed, 1)
      assert.is((yield* failureOf(starting))._tag, 'RuntimeClosed')
      yield* pass(1_000)
      yield* Fiber.join(draining)
      assert.is(vm.view.state.name, 'stopped')
      assert.is((yield* Effect.flip(runtime.start(request)))._tag, 'RuntimeClosed')
    }),
  ),
)

test('takes every VM down with its scope, then the threads, and answers everyone', async () => {
  const threads = new FakeThreads()
  const scope = Scope.makeUnsafe()
  threads.bootsAtOnce = true
  const runtime = await Effect.runPromise(
    Scope.provide(
      makeRuntime(() => threads, limits),
      scope,
    ),
  )
  const vm = await Effect.runPromise(runtime.start(request))
  const asking = Effect.runPromiseExit(vm.call('ping', null, 60_000))
  await Effect.runPromise(settle)
  threads.last.onKill = () => {
    assert.is(threads.closed, 0)
    threads.last.end('killed')
  }
  await Effect.runPromise(Scope.close(scope, Exit.void))
  assert.is(threads.closed, 1)
  const exit = await asking
  assert.ok(Exit.isFailure(exit))
  assert.is(vm.view.state.name, 'stopped')
  assert.equal(runtime.stats().vms, {})
})

test.run()

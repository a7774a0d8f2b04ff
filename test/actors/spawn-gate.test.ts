import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import type * as Scope from 'effect/Scope'
import * as TestClock from 'effect/testing/TestClock'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SpawnGate } from '../../src/actors/spawn-gate.ts'
import { begin, failureOf, pass, settle } from './world.ts'

const test = suite('actors: spawn gate')

const run =
  <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  () =>
    Effect.runPromise(Effect.asVoid(Effect.scoped(effect)).pipe(Effect.provide(TestClock.layer())))

test(
  'runs so many boots at once and the others in their order',
  run(
    Effect.gen(function* () {
      const gate = new SpawnGate({ concurrent: 2, waiting: 8 })
      const done = Array.from({ length: 5 }, () => Deferred.makeUnsafe<void>())
      const order: number[] = []
      const boots: Fiber.Fiber<void, unknown>[] = []
      for (const [index, latch] of done.entries()) {
        const boot = Effect.andThen(
          Effect.sync(() => void order.push(index)),
          Deferred.await(latch),
        )
        boots.push(yield* begin(gate.admit(boot, 1_000)))
      }
      assert.equal([order, gate.running, gate.waiting], [[0, 1], 2, 3])
      for (const [index, latch] of done.entries()) {
        yield* Deferred.succeed(latch, undefined)
        yield* settle
        assert.is(order.length, Math.min(5, index + 3))
      }
      assert.equal([order, gate.running, gate.waiting], [[0, 1, 2, 3, 4], 0, 0])
      for (const boot of boots) yield* Fiber.join(boot)
    }),
  ),
)

test(
  'refuses at once what may not even wait',
  run(
    Effect.gen(function* () {
      const gate = new SpawnGate({ concurrent: 1, waiting: 1 })
      yield* begin(gate.admit(Effect.never, 1_000))
      yield* begin(gate.admit(Effect.never, 1_000))
      const error = yield* Effect.flip(gate.admit(Effect.void, 1_000))
      assert.equal([error._tag, error.message.includes('1'), gate.rejected], ['Overloaded', true, 1])
    }),
  ),
)

test(
  'times the wait alone, and frees the place of one who gave up',
  run(
    Effect.gen(function* () {
      const gate = new SpawnGate({ concurrent: 1, waiting: 1 })
      const running = yield* begin(gate.admit(Effect.never, 100))
      const waiting = yield* begin(gate.admit(Effect.void, 100))
      yield* pass(100)
      const error = yield* failureOf(waiting)
      assert.equal([error._tag, gate.waiting, gate.running], ['DeadlineExceeded', 0, 1])
      const next = yield* begin(gate.admit(Effect.succeed('ran'), 100))
      yield* Fiber.interrupt(running)
      yield* settle
      assert.is(yield* Fiber.join(next), 'ran')
    }),
  ),
)

test(
  'gives the permit back after a failure and after an interruption in the queue',
  run(
    Effect.gen(function* () {
      const gate = new SpawnGate({ concurrent: 1, waiting: 4 })
      assert.is(yield* Effect.flip(gate.admit(Effect.fail('no'), 100)), 'no')
      const running = yield* begin(gate.admit(Effect.never, 1_000))
      const waiting = yield* begin(gate.admit(Effect.never, 1_000))
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(running)
      assert.is(yield* gate.admit(Effect.succeed(1), 100), 1)
      assert.equal([gate.running, gate.waiting], [0, 0])
    }),
  ),
)

test.run()

import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import type * as Scope from 'effect/Scope'
import * as TestClock from 'effect/testing/TestClock'
import type { Runtime, RuntimeLimits, StartRequest } from '../../src/actors/runtime.ts'
import { makeRuntime } from '../../src/actors/runtime.ts'
import { FakeThreads } from './fake-link.ts'

export const limits: RuntimeLimits = {
  maxVms: 8,
  concurrentStarts: 4,
  waitingStarts: 4,
  startWaitMs: 1_000,
  requestsPerVm: 4,
}

export const request: StartRequest = {
  bootMs: 500,
  config: {
    kernelPath: '/k',
    flavour: 'standard',
    cmdline: '',
    memoryMib: 64,
    vcpus: 1,
    rootDiskPath: null,
    guestCid: 3,
    consoleBytes: 1024,
  },
}

/** A runtime on threads that the test plays, under a clock that it turns. */
export interface World {
  readonly threads: FakeThreads
  readonly runtime: Runtime
}

/** Runs a test in a world of its own, which is taken down after it. */
export const inWorld =
  (
    body: (world: World) => Effect.Effect<void, unknown, Scope.Scope>,
    differences: Partial<RuntimeLimits> = {},
  ): (() => Promise<void>) =>
  () => {
    const threads = new FakeThreads()
    return Effect.runPromise(
      Effect.gen(function* () {
        const runtime = yield* makeRuntime(() => threads, { ...limits, ...differences })
        yield* body({ threads, runtime })
      }).pipe(Effect.scoped, Effect.provide(TestClock.layer())),
    )
  }

/** Lets every fiber and promise that can go on do so. */
export const settle: Effect.Effect<void> = Effect.promise(
  () => new Promise((resolve) => void setImmediate(() => setImmediate(resolve))),
)

/** Begins an effect beside the test and lets it come as far as it can. */
export const begin = <A, E>(
  effect: Effect.Effect<A, E>,
): Effect.Effect<Fiber.Fiber<A, E>, never, Scope.Scope> =>
  Effect.tap(Effect.forkScoped(effect, { startImmediately: true }), () => settle)

/** Turns the clock and lets everything that follows from it happen. */
export const pass = (ms: number): Effect.Effect<void> => Effect.andThen(TestClock.adjust(ms), settle)

/** How an effect that was begun failed. */
export const failureOf = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<E, A> =>
  Effect.flip(Fiber.join(fiber))

/** A VM that is ready. */
export const readyVm = Effect.fnUntraced(function* ({ runtime, threads }: World) {
  const starting = yield* begin(runtime.start(request))
  const link = threads.last
  link.boots()
  return { link, vm: yield* Fiber.join(starting) }
})

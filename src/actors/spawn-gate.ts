import * as Effect from 'effect/Effect'
import * as Semaphore from 'effect/Semaphore'
import type * as Scope from 'effect/Scope'
import { DeadlineExceeded, Overloaded } from '../errors/waiting.ts'

export interface SpawnGateOptions {
  /** Boots at once. */
  readonly concurrent: number
  /** Requests that may wait for their turn. */
  readonly waiting: number
}

/** Lets a bounded number of boots run at once and a bounded number of requests wait for that, in their order. */
export class SpawnGate {
  readonly #options: SpawnGateOptions
  readonly #permits: Semaphore.Semaphore
  #waiting = 0
  #running = 0
  #rejected = 0

  constructor(options: SpawnGateOptions) {
    this.#options = options
    this.#permits = Semaphore.makeUnsafe(options.concurrent)
  }

  get waiting(): number {
    return this.#waiting
  }

  get running(): number {
    return this.#running
  }

  get rejected(): number {
    return this.#rejected
  }

  /** Runs a boot when its turn comes; only the wait for that is timed. */
  admit<A, E>(
    boot: Effect.Effect<A, E>,
    waitMs: number,
  ): Effect.Effect<A, E | Overloaded | DeadlineExceeded> {
    return Effect.scoped(Effect.andThen(this.#permit(waitMs), this.#counted(boot)))
  }

  #permit(waitMs: number): Effect.Effect<void, Overloaded | DeadlineExceeded, Scope.Scope> {
    return Effect.suspend((): Effect.Effect<void, Overloaded | DeadlineExceeded, Scope.Scope> => {
      if (this.#waiting >= this.#options.waiting && this.#running >= this.#options.concurrent) {
        this.#rejected += 1
        const advice = 'wait for some to be ready, or raise maxWaitingStarts'
        return Effect.fail(
          new Overloaded({ limit: 'starts that wait', value: this.#options.waiting, advice }),
        )
      }
      this.#waiting += 1
      return Semaphore.takeScoped(this.#permits, 1).pipe(
        Effect.timeoutOrElse({
          duration: waitMs,
          orElse: () => {
            this.#rejected += 1
            return Effect.fail(
              new DeadlineExceeded({ operation: 'waiting to start a VM', deadlineMs: waitMs }),
            )
          },
        }),
        Effect.ensuring(
          Effect.sync(() => {
            this.#waiting -= 1
          }),
        ),
      )
    })
  }

  #counted<A, E>(boot: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.#running += 1
      return Effect.ensuring(
        boot,
        Effect.sync(() => {
          this.#running -= 1
        }),
      )
    })
  }
}

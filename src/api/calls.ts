import * as Effect from 'effect/Effect'
import type { Result, ResultAsync } from 'neverthrow'
import type { VmHandle } from '../actors/vm/handle.ts'
import type { RequestError } from '../actors/vm/protocol/output.ts'
import type { InvalidOption } from '../errors/options.ts'
import type { Aborted } from '../errors/waiting.ts'
import { DeadlineExceeded } from '../errors/waiting.ts'
import type { GuestCalls, Operation } from '../host/interface.ts'
import { toResultAsync } from './bridge.ts'
import { checkWait } from './check.ts'
import type { WaitOptions } from './options.ts'
import type { Explain } from './streams.ts'

/** What a guest that is alive answers in, with much to spare. */
const DEFAULT_WAIT_MS = 30_000

/** The calls of one VM from the public interface: checked, timed and abortable. */
export class VmCalls {
  readonly explain: Explain
  readonly #handle: VmHandle

  constructor(handle: VmHandle) {
    this.#handle = handle
    this.explain = (operation, failure) => handle.explain(operation, failure)
  }

  ask<K extends Operation>(
    operation: K,
    request: GuestCalls[K]['request'],
    { signal, timeoutMs }: WaitOptions,
  ): ResultAsync<GuestCalls[K]['answer'], RequestError | InvalidOption | Aborted> {
    return checkWait(timeoutMs).asyncAndThen((checked) =>
      toResultAsync(this.#handle.call(operation, request, checked ?? DEFAULT_WAIT_MS), { operation, signal }),
    )
  }

  /** Waits for work that has begun; gives it up at the deadline or on the signal. */
  wait<A>(
    operation: Operation,
    work: Promise<Result<A, RequestError>>,
    { signal, timeoutMs }: WaitOptions,
    defaultMs: number,
    cancellable: { readonly cancel: () => void },
  ): ResultAsync<A, RequestError | Aborted> {
    const deadlineMs = timeoutMs ?? defaultMs
    const settled = Effect.flatMap(
      Effect.promise(() => work),
      (result): Effect.Effect<A, RequestError> =>
        result.isOk() ? Effect.succeed(result.value) : Effect.fail(result.error),
    )
    const timed = settled.pipe(
      Effect.timeoutOrElse({
        duration: deadlineMs,
        orElse: () => Effect.fail(new DeadlineExceeded({ operation, deadlineMs })),
      }),
      Effect.onError(() => Effect.sync(() => cancellable.cancel())),
    )
    return toResultAsync(timed, { operation, signal })
  }
}

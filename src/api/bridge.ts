import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import type { Result } from 'neverthrow'
import { ResultAsync, err, ok } from 'neverthrow'
import { Aborted } from '../errors/waiting.ts'

/** What is being done, for whom to give it up. */
export interface Waiting {
  readonly operation: string
  readonly signal?: AbortSignal | undefined
}

/** Runs an effect at the edge: typed failures become `Err`, an interruption becomes `Aborted`, a defect rejects. */
export const toResultAsync = <A, E>(
  effect: Effect.Effect<A, E>,
  { operation, signal }: Waiting,
): ResultAsync<A, E | Aborted> => {
  const aborted = () => new Aborted({ operation, reason: signal?.reason })
  if (signal?.aborted === true) return new ResultAsync(Promise.resolve(err(aborted())))
  const run = Effect.runPromiseExit(effect, signal === undefined ? {} : { signal })
  return new ResultAsync(run.then((exit) => toResult(exit, aborted)))
}

/** The way back: a `Result` of somebody else as an effect, begun when the effect is. */
export const fromResult = <A, E>(evaluate: (signal: AbortSignal) => ResultAsync<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(
    Effect.promise(async (signal) => await evaluate(signal)),
    (result): Effect.Effect<A, E> =>
      result.isOk() ? Effect.succeed(result.value) : Effect.fail(result.error),
  )

const toResult = <A, E>(exit: Exit.Exit<A, E>, aborted: () => Aborted): Result<A, E | Aborted> => {
  if (Exit.isSuccess(exit)) return ok(exit.value)
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return err(failure.error)
  if (Cause.hasInterruptsOnly(exit.cause)) return err(aborted())
  throw Cause.squash(exit.cause)
}

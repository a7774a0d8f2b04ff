import type { Result } from 'neverthrow'
import { ResultAsync, err, ok } from 'neverthrow'
import type { Operation } from '../host/interface.ts'
import type { HostFailure, HostOutcome } from '../host/failure.ts'
import type { ByteSink, ByteSource } from '../host/interface.ts'
import type { RequestError } from '../actors/vm/protocol/output.ts'

/** Turns a failure of the link into the error of the public interface. */
export type Explain = (operation: Operation, failure: HostFailure) => Promise<RequestError>

/**
 * The bytes of a guest as they come; the guest may send on as they are taken.
 * Ends where the stream ends; a stream that broke off throws an ActovisorError
 * instead. Leaving the loop drops the rest.
 */
export const readable = (
  source: ByteSource,
  operation: Operation,
  explain: Explain,
): AsyncIterableIterator<Uint8Array> => ({
  async next() {
    const outcome = await source.next()
    if (!outcome.ok) throw await explain(operation, outcome.error)
    return outcome.value === null ? { done: true, value: undefined } : { done: false, value: outcome.value }
  },
  return() {
    source.discard()
    return Promise.resolve({ done: true, value: undefined })
  },
  [Symbol.asyncIterator]() {
    return this
  },
})

/** Writes to a guest; each write settles when the guest has room for the next. */
export class GuestWriter {
  readonly #sink: ByteSink
  readonly #operation: Operation
  readonly #explain: Explain

  constructor(sink: ByteSink, operation: Operation, explain: Explain) {
    this.#sink = sink
    this.#operation = operation
    this.#explain = explain
  }

  write(bytes: Uint8Array | string): ResultAsync<void, RequestError> {
    const data = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
    return outcomeResult(this.#sink.write(data), this.#operation, this.#explain).map(() => undefined)
  }

  /** Ends the stream. */
  end(): ResultAsync<void, RequestError> {
    return outcomeResult(this.#sink.end(), this.#operation, this.#explain).map(() => undefined)
  }
}

/** An outcome of the link as a result of the public interface. */
export const outcomeResult = <A>(
  outcome: Promise<HostOutcome<A>>,
  operation: Operation,
  explain: Explain,
): ResultAsync<A, RequestError> =>
  new ResultAsync(
    outcome.then(async (settled): Promise<Result<A, RequestError>> =>
      settled.ok ? ok(settled.value) : err(await explain(operation, settled.error)),
    ),
  )

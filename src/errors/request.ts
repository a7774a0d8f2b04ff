import * as Data from 'effect/Data'
import type { RefusalReason } from '../agent/failure.ts'

/** The guest could not do what was asked. */
export class RequestRefused extends Data.TaggedError('RequestRefused')<{
  readonly vm: string
  readonly operation: string
  readonly reason: RefusalReason
  /** The guest system's error number, or 0. */
  readonly errno: number
  /** What the guest was about when it failed: `execve`, `user`, `cwd`, `open`, ... */
  readonly step: string
  readonly detail: string
  readonly message: string
}> {
  readonly code = 'REQUEST_REFUSED'

  constructor(fields: {
    readonly vm: string
    readonly operation: string
    readonly reason: RefusalReason
    readonly errno: number
    readonly step: string
    readonly detail: string
  }) {
    super({
      ...fields,
      message: `${fields.operation} in VM ${fields.vm} failed at ${fields.step}: ${fields.detail}`,
    })
  }
}

/** The answer was larger than its limit; the program was killed, the reading given up. */
export class OutputTooLarge extends Data.TaggedError('OutputTooLarge')<{
  readonly vm: string
  readonly operation: string
  readonly limit: number
  readonly unit: 'bytes' | 'entries'
  readonly message: string
}> {
  readonly code = 'OUTPUT_TOO_LARGE'

  constructor(fields: {
    readonly vm: string
    readonly operation: string
    readonly limit: number
    readonly unit: 'bytes' | 'entries'
  }) {
    super({
      ...fields,
      message: `the answer to ${fields.operation} in VM ${fields.vm} exceeds ${fields.limit} ${fields.unit}; raise the limit or read it as a stream`,
    })
  }
}

/** The request itself, with arguments and environment, is longer than a message to the guest may be. */
export class RequestTooLarge extends Data.TaggedError('RequestTooLarge')<{
  readonly operation: string
  readonly bytes: number
  readonly limitBytes: number
  readonly message: string
}> {
  readonly code = 'REQUEST_TOO_LARGE'

  constructor(fields: { readonly operation: string; readonly bytes: number; readonly limitBytes: number }) {
    super({
      ...fields,
      message: `${fields.operation} takes a message of ${fields.bytes} bytes; the limit is ${fields.limitBytes}; pass large data as input or as a file`,
    })
  }
}

/** There is nobody to write to or to signal: the program has ended, or the stream was ended. */
export class StreamClosed extends Data.TaggedError('StreamClosed')<{
  readonly stream: string
  readonly message: string
}> {
  readonly code = 'STREAM_CLOSED'

  constructor(fields: { readonly stream: string }) {
    super({ ...fields, message: `${fields.stream} is closed; nothing can be sent to it` })
  }
}

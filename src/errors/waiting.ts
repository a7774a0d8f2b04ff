import * as Data from 'effect/Data'

/** A limit of the runtime is reached; nothing was begun. */
export class Overloaded extends Data.TaggedError('Overloaded')<{
  readonly limit: string
  readonly value: number
  readonly advice: string
  readonly message: string
}> {
  readonly code = 'OVERLOADED'

  constructor(fields: { readonly limit: string; readonly value: number; readonly advice: string }) {
    super({ ...fields, message: `the limit ${fields.limit} of ${fields.value} is reached; ${fields.advice}` })
  }
}

/** What was waited for did not come in time; it was given up. */
export class DeadlineExceeded extends Data.TaggedError('DeadlineExceeded')<{
  readonly operation: string
  readonly deadlineMs: number
  readonly message: string
}> {
  readonly code = 'DEADLINE_EXCEEDED'

  constructor(fields: { readonly operation: string; readonly deadlineMs: number }) {
    super({
      ...fields,
      message: `${fields.operation} did not end within ${fields.deadlineMs} ms and was given up`,
    })
  }
}

/** The caller's signal gave it up. */
export class Aborted extends Data.TaggedError('Aborted')<{
  readonly operation: string
  /** Of the signal. */
  readonly reason: unknown
  readonly message: string
}> {
  readonly code = 'ABORTED'

  constructor(fields: { readonly operation: string; readonly reason: unknown }) {
    super({ ...fields, message: `${fields.operation} was aborted` })
  }
}

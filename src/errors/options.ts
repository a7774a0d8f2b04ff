import * as Data from 'effect/Data'

/** An option has a value that cannot work; nothing was created. */
export class InvalidOption extends Data.TaggedError('InvalidOption')<{
  readonly option: string
  readonly value: unknown
  /** What would have been accepted. */
  readonly allowed: string
  readonly message: string
}> {
  readonly code = 'INVALID_OPTION'

  constructor(fields: { readonly option: string; readonly value: unknown; readonly allowed: string }) {
    super({ ...fields, message: `${fields.option} is ${shown(fields.value)}; it must be ${fields.allowed}` })
  }
}

const shown = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'object'
      ? typeOf(value)
      : String(value)

const typeOf = (value: object | null): string =>
  value === null ? 'null' : `of type ${value.constructor?.name}`

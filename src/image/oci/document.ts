import { DocumentInvalid } from '../errors.ts'

/** A value of a JSON document with its place in it, read by naming what it must be. */
export class Field {
  readonly #path: string
  readonly #at: string
  readonly #value: unknown

  private constructor(path: string, at: string, value: unknown) {
    this.#path = path
    this.#at = at
    this.#value = value
  }

  /** The top of a document; `path` says in errors which one. */
  static parse(path: string, bytes: Buffer): Field {
    try {
      return new Field(path, '/', JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new DocumentInvalid(path, '/', 'JSON in UTF-8', reason, error)
    }
  }

  /** Whether the field is there; null counts as absent, as Go programs write it. */
  get present(): boolean {
    return this.#value !== undefined && this.#value !== null
  }

  get(name: string): Field {
    const object = this.#object()
    const value = Object.hasOwn(object, name) ? object[name] : undefined
    return new Field(this.#path, `${this.#at === '/' ? '' : this.#at}/${name}`, value)
  }

  string(): string {
    // No field of an image may hold a NUL byte: arguments, variables and paths end there.
    if (typeof this.#value === 'string' && !this.#value.includes('\0')) return this.#value
    throw this.invalid('text')
  }

  stringOr<T>(absent: T): string | T {
    return this.present ? this.string() : absent
  }

  count(): number {
    if (typeof this.#value === 'number' && Number.isSafeInteger(this.#value) && this.#value >= 0)
      return this.#value
    throw this.invalid('a whole number')
  }

  countOr<T>(absent: T): number | T {
    return this.present ? this.count() : absent
  }

  list(): Field[] {
    if (!Array.isArray(this.#value)) throw this.invalid('a list')
    return this.#value.map((value, index) => new Field(this.#path, `${this.#at}/${index}`, value))
  }

  strings(): string[] {
    return this.present ? this.list().map((field) => field.string()) : []
  }

  /** The names of an object's fields, in order. */
  keys(): string[] {
    return this.present ? Object.keys(this.#object()).sort() : []
  }

  /** An object whose fields are all text. */
  record(): Record<string, string> {
    return Object.fromEntries(this.keys().map((key) => [key, this.get(key).string()]))
  }

  invalid(expected: string): DocumentInvalid {
    const json = JSON.stringify(this.#value) ?? 'nothing'
    const found = json.length > 100 ? `${json.slice(0, 100)}…` : json
    return new DocumentInvalid(this.#path, this.#at, expected, found)
  }

  #object(): Record<string, unknown> {
    if (isObject(this.#value)) return this.#value
    throw this.invalid('an object')
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

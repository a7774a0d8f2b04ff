import { constants } from 'node:os'
import type { ResultAsync } from 'neverthrow'
import { errAsync } from 'neverthrow'
import type { RequestError } from '../actors/vm/protocol/output.ts'
import { InvalidOption } from '../errors/options.ts'
import type { ProcessLink } from '../host/interface.ts'
import { checkNumber } from './check.ts'
import type { ExitStatus } from './results.ts'
import { exitStatus } from './results.ts'
import type { Explain } from './streams.ts'
import { GuestWriter, outcomeResult, readable } from './streams.ts'

/** The name of a signal, or its number in the guest. */
export type Signal = NodeJS.Signals | number

/** A program that runs in a guest. */
export class Process {
  readonly pid: number
  /** Has one reader. A program whose output nobody reads is held up when 256 KiB wait. */
  readonly stdout: AsyncIterableIterator<Uint8Array>
  /** Empty on a terminal. */
  readonly stderr: AsyncIterableIterator<Uint8Array>
  /** Null unless `stdin: 'pipe'`. */
  readonly stdin: GuestWriter | null
  /** How it ended; settles when its output has been read, too. */
  readonly exit: ResultAsync<ExitStatus, RequestError>
  readonly #link: ProcessLink
  readonly #explain: Explain

  constructor(link: ProcessLink, explain: Explain) {
    this.#link = link
    this.#explain = explain
    this.pid = link.pid
    this.stdout = readable(link.stdout, 'spawn', explain)
    this.stderr = readable(link.stderr, 'spawn', explain)
    this.stdin = link.stdin === null ? null : new GuestWriter(link.stdin, 'spawn', explain)
    this.exit = outcomeResult(link.ended, 'spawn', explain).map(exitStatus)
  }

  /** Sends a signal to its process group; default SIGTERM. */
  kill(signal: Signal = 'SIGTERM'): ResultAsync<void, RequestError | InvalidOption> {
    const number = typeof signal === 'number' ? signal : constants.signals[signal]
    const checked = checkNumber('signal', number, 1, 64)
    if (checked.isErr())
      return errAsync(new InvalidOption({ option: 'signal', value: signal, allowed: ALLOWED }))
    return outcomeResult(this.#link.signal(number), 'spawn', this.#explain).map(() => undefined)
  }

  /** Tells its terminal about another size. */
  resize(size: {
    readonly rows: number
    readonly columns: number
  }): ResultAsync<void, RequestError | InvalidOption> {
    return checkNumber('rows', size.rows, 0, 65_535)
      .andThen(() => checkNumber('columns', size.columns, 0, 65_535))
      .asyncAndThen(() => outcomeResult(this.#link.resize(size.rows, size.columns), 'spawn', this.#explain))
      .map(() => undefined)
  }
}

const ALLOWED = 'the name of a signal or a number from 1 to 64'

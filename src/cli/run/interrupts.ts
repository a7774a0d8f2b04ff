import type { EventEmitter } from 'node:events'
import { constants } from 'node:os'

/** Signals that end a command when its user wants that. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** A command that signals can be sent to. */
export interface SignalTarget {
  signal(number: number): void
  kill(): void
}

/**
 * What signals to this process mean: before the command runs they abort the boot;
 * then they go to the command. A second SIGINT kills it, a third waits for nothing.
 */
export class Interrupts implements Disposable {
  readonly #source: EventEmitter
  readonly #abort = new AbortController()
  readonly #listeners: readonly (readonly [string, () => void])[]
  #target: SignalTarget | null = null
  #interrupts = 0

  constructor(source: EventEmitter) {
    this.#source = source
    this.#listeners = FORWARDED.map((name) => [name, () => this.#receive(name)] as const)
    for (const [name, listener] of this.#listeners) source.on(name, listener)
  }

  /** Aborted by a signal that comes before `forwardTo`, and by a third SIGINT. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** From now on signals go to a command. */
  forwardTo(target: SignalTarget): void {
    this.#target = target
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) this.#source.off(name, listener)
  }

  #receive(name: (typeof FORWARDED)[number]): void {
    if (name === 'SIGINT') this.#interrupts += 1
    if (this.#target === null || this.#interrupts > 2) this.#abort.abort(new Interrupted(name))
    else if (this.#interrupts > 1) this.#target.kill()
    else this.#target.signal(constants.signals[name])
  }
}

/** A signal ended the run, not the command. */
export class Interrupted extends Error {
  readonly exitCode: number

  constructor(name: (typeof FORWARDED)[number]) {
    super(`stopped by ${name} before the command had ended`)
    this.exitCode = 128 + constants.signals[name]
  }
}

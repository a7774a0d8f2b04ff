import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from './errors.ts'

// Half the time of a frame at 60 Hz: others on this thread wait no longer, and pausing costs nothing to speak of.
const SLICE_MS = 8

/** Lets long loops give way to the rest of the program, and notice that they were aborted. */
export class Pace {
  readonly #signal: AbortSignal | undefined
  #since = performance.now()

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  /** Whether a pause is due; asked in each turn of a loop, which is cheaper than to await each. */
  get due(): boolean {
    return performance.now() - this.#since > SLICE_MS
  }

  async pause(): Promise<void> {
    // Awaiting alone is no pause: a promise that is settled already lets no timer and no event through.
    await setImmediate()
    this.#since = performance.now()
    throwIfAborted(this.#signal)
  }
}

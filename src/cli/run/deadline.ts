/** How long after the deadline the guest's own end of the command is waited for. */
const GRACE_MS = 1000

/** The time that `--timeout` gives the whole run. */
export class Deadline implements Disposable {
  readonly #timeoutMs: number | null
  readonly #startedMs = performance.now()
  readonly #passed = new AbortController()
  readonly #overdue = new AbortController()
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(timeoutMs: number | null) {
    this.#timeoutMs = timeoutMs
    this.#timers =
      timeoutMs === null
        ? []
        : [
            setTimeout(() => this.#passed.abort(new TimedOut(timeoutMs)), timeoutMs),
            setTimeout(() => this.#overdue.abort(new TimedOut(timeoutMs)), timeoutMs + GRACE_MS),
          ]
  }

  /** Aborted when the time is over. */
  get passed(): AbortSignal {
    return this.#passed.signal
  }

  /** Aborted when the command should have been ended for it, and was not. */
  get overdue(): AbortSignal {
    return this.#overdue.signal
  }

  /** What is left, at least 1 ms; null without a limit. */
  remainingMs(): number | null {
    if (this.#timeoutMs === null) return null
    return Math.max(1, Math.ceil(this.#timeoutMs - (performance.now() - this.#startedMs)))
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** The time given with --timeout was over. */
export class TimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`the run did not end within the ${timeoutMs / 1000} s of --timeout`)
  }
}

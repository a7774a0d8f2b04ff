/** Runs one job a key at a time; callers that come meanwhile share its outcome. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** The job is aborted when every caller has aborted, and only then. */
  async run(
    key: string,
    signal: AbortSignal | undefined,
    job: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const flight = this.#flights.get(key) ?? this.#start(key, job)
    flight.callers++
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([flight.outcome, aborted])
    } finally {
      signal?.removeEventListener('abort', onAbort)
      flight.callers--
      // Also when the job has ended, where this does nothing; else what it holds is released first.
      if (flight.callers === 0) await this.#abandon(key, flight)
    }
  }

  #start(key: string, job: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const outcome = job(controller.signal).finally(() => this.#forget(key, flight))
    // Whoever waits sees the failure; when all have left nobody does, which is no defect.
    outcome.catch(() => {})
    const flight: Flight<T> = { outcome, controller, callers: 0 }
    this.#flights.set(key, flight)
    return flight
  }

  async #abandon(key: string, flight: Flight<T>): Promise<void> {
    this.#forget(key, flight)
    flight.controller.abort()
    await flight.outcome.catch(() => {})
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

interface Flight<T> {
  readonly outcome: Promise<T>
  readonly controller: AbortController
  callers: number
}

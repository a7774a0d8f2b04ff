import type { VmStateName } from './vm/state.ts'

/** What a runtime tells those who listen. */
export type RuntimeEvent =
  | { readonly type: 'vm-state'; readonly vm: string; readonly from: VmStateName; readonly to: VmStateName }
  | { readonly type: 'vm-stage'; readonly vm: string; readonly stage: string; readonly atMs: number }
  | { readonly type: 'host-thread-error'; readonly message: string }
  /** So many events were lost on this listener, which was too slow, before the next one. */
  | { readonly type: 'dropped'; readonly count: number }

/** Events that wait for one listener; the oldest go first. */
const CAPACITY = 1024

/** Hands events to any number of listeners, none of which can slow down the others or the runtime. */
export class EventBus {
  readonly #listeners = new Set<Listener>()
  #dropped = 0
  #closed = false

  /** Events lost on slow listeners, in all. */
  get dropped(): number {
    return this.#dropped
  }

  publish(event: RuntimeEvent): void {
    for (const listener of this.#listeners) this.#dropped += listener.offer(event)
  }

  /** Events from now on; ends when the bus is closed. Leaving the loop ends the listening. */
  listen(): AsyncIterableIterator<RuntimeEvent> {
    const listener = new Listener(() => this.#listeners.delete(listener))
    if (this.#closed) listener.end()
    else this.#listeners.add(listener)
    return listener
  }

  close(): void {
    this.#closed = true
    for (const listener of this.#listeners) listener.end()
    this.#listeners.clear()
  }
}

class Listener implements AsyncIterableIterator<RuntimeEvent> {
  readonly #leave: () => void
  #events: RuntimeEvent[] = []
  #dropped = 0
  #ended = false
  #waiting: ((result: IteratorResult<RuntimeEvent>) => void)[] = []

  constructor(leave: () => void) {
    this.#leave = leave
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Answers how many events it had to drop for this one. */
  offer(event: RuntimeEvent): number {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) {
      waiting({ done: false, value: event })
      return 0
    }
    this.#events.push(event)
    if (this.#events.length <= CAPACITY) return 0
    this.#events.shift()
    this.#dropped += 1
    return 1
  }

  end(): void {
    this.#ended = true
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined })
  }

  next(): Promise<IteratorResult<RuntimeEvent>> {
    const value = this.#take()
    if (value !== undefined) return Promise.resolve({ done: false, value })
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<IteratorResult<RuntimeEvent>> {
    this.#leave()
    this.end()
    this.#events = []
    return Promise.resolve({ done: true, value: undefined })
  }

  #take(): RuntimeEvent | undefined {
    if (this.#dropped === 0) return this.#events.shift()
    const count = this.#dropped
    this.#dropped = 0
    return { type: 'dropped', count }
  }
}

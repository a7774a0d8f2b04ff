import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { Result } from 'neverthrow'
import type { RunFailure } from './failure.ts'
import type { GuestEnding, GuestProcess } from './guest.ts'
import { feed, pump } from './pump.ts'

/** Where the streams of a command come from and go to. */
export interface CommandStreams {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
}

/** How long a command may take to end after SIGPIPE. */
const PIPE_GRACE_MS = 1000

/**
 * Connects the streams of a command to ours and waits for its end and for all of its
 * output to be read. `giveUp` ends the wait for both.
 */
export const attend = async (
  process: GuestProcess,
  { stdin, stdout, stderr }: CommandStreams,
  giveUp: AbortSignal,
): Promise<Result<GuestEnding, RunFailure>> => {
  using pipe = new BrokenPipe(process)
  const over = new AbortController()
  const stopped = aborted(giveUp)
  const outputs = Promise.all([
    pump(process.stdout, stdout).then(pipe.onPumpEnd),
    pump(process.stderr, stderr).then(pipe.onPumpEnd),
  ])
  const input = process.stdin === null ? null : feed(stdin, process.stdin, over.signal)
  try {
    const work = Promise.all([process.ended, outputs])
    const [ending] = await Promise.race([work, stopped.promise, failureOf(input)])
    return ending
  } catch (error) {
    process.kill()
    throw error
  } finally {
    over.abort()
    stopped.forget()
    // After this their failures are those of streams that nobody needs any more.
    outputs.catch(() => {})
    input?.catch(() => {})
  }
}

/** Ends a command whose output nobody reads, as the kernel would end it here. */
class BrokenPipe implements Disposable {
  readonly #process: GuestProcess
  #timer: NodeJS.Timeout | null = null

  constructor(process: GuestProcess) {
    this.#process = process
  }

  readonly onPumpEnd = (end: 'ended' | 'reader-gone'): void => {
    if (end === 'ended' || this.#timer !== null) return
    this.#process.signal(constants.signals.SIGPIPE)
    this.#timer = setTimeout(() => this.#process.kill(), PIPE_GRACE_MS)
  };

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }
}

/** Settles only if the input cannot be read: its end is not that of the command. */
const failureOf = (input: Promise<void> | null): Promise<never> =>
  new Promise((_, reject) => input?.catch(reject))

const aborted = (signal: AbortSignal) => {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  // The race may be over before anyone looks at it.
  promise.catch(() => {})
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) }
}

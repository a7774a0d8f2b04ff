import type { Readable, Writable } from 'node:stream'

/** Whether a copy got to the end of its source, or its reader went away. */
export type PumpEnd = 'ended' | 'reader-gone'

/** Copies a stream of the guest to one of ours, no faster than that is read. */
export const pump = async (source: AsyncIterable<Uint8Array>, target: Writable): Promise<PumpEnd> => {
  // A reader that goes away is told by the write that fails; without a listener it would end the process.
  target.on('error', ignore)
  try {
    for await (const bytes of source) {
      const failure = await writeWhole(target, bytes)
      if (failure === null) continue
      if (isReaderGone(failure)) return 'reader-gone'
      throw failure
    }
    return 'ended'
  } finally {
    target.off('error', ignore)
  }
}

/** Takes what is written on our standard input. */
export interface InputSink {
  /** Answers whether more is wanted. */
  write(bytes: Uint8Array): Promise<boolean>
  end(): Promise<void>
}

/** Copies our standard input to the guest, no faster than the guest reads it, until `signal`. */
export const feed = async (source: Readable, sink: InputSink, signal: AbortSignal): Promise<void> => {
  const stop = () => source.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) return
    for await (const bytes of source) if (!(await sink.write(bytes as Uint8Array))) return
    await sink.end()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
    source.destroy()
  }
}

const ignore = (): void => {}

/** Settles when the stream has taken it, with the error when it has not. */
export const writeWhole = (target: Writable, bytes: Uint8Array | string): Promise<Error | null> =>
  new Promise((resolve) => target.write(bytes, (error) => resolve(error ?? null)))

const isReaderGone = (error: Error): boolean =>
  'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')

import type { Result, ResultAsync } from 'neverthrow'
import type { FileKind, FileReport } from '../agent/requests.ts'
import type { RequestError } from '../actors/vm/protocol/output.ts'
import type { InvalidOption } from '../errors/options.ts'
import type { Aborted } from '../errors/waiting.ts'
import type { FileSink } from '../host/interface.ts'
import type { VmCalls } from './calls.ts'
import { checkNumber, checkPath } from './check.ts'
import type { WaitOptions } from './options.ts'
import { outcomeResult, readable } from './streams.ts'

/** What can go wrong with a file of a guest. */
export type FileError = RequestError | InvalidOption | Aborted

/** A file of a guest. */
export interface FileStat {
  readonly name: string
  readonly kind: FileKind
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: bigint
  readonly modifiedNs: bigint
  readonly inode: bigint
  readonly links: number
  /** Of a symbolic link, else null. */
  readonly target: string | null
}

export interface WriteOptions extends WaitOptions {
  /** Permission bits; default 0644. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Make missing parent directories; default true. */
  readonly parents?: boolean
}

export interface ReadOptions extends WaitOptions {
  readonly offset?: number
  /** Default: to the end. */
  readonly length?: number
}

/** Contents of a file: all of it, or as it comes. */
export type Contents = Uint8Array | string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** The default of `maxBytes`, since the file is held in memory whole. */
const MAX_READ_BYTES = 64 * 1024 * 1024
/** Moving a large file takes long; what counts is that the other end still takes part. */
const TRANSFER_MS = 600_000

/** The files of a guest. */
export class Files {
  readonly #calls: VmCalls

  constructor(calls: VmCalls) {
    this.#calls = calls
  }

  /** Writes a file; it appears under its name whole or not at all. Answers its size. */
  write(path: string, contents: Contents, options: WriteOptions = {}): ResultAsync<bigint, FileError> {
    const { mode = 0, uid = 0, gid = 0, parents = true } = options
    return checkPath(path)
      .andThen(() => checkNumber('mode', mode, 0, 0o7777))
      .asyncAndThen(() => this.#calls.ask('writeFile', { path, mode, uid, gid, parents }, options))
      .andThen((sink) =>
        this.#calls.wait('writeFile', this.#send(sink, contents), options, TRANSFER_MS, sink),
      )
  }

  /** Reads a file into memory. */
  read(
    path: string,
    options: ReadOptions & { readonly maxBytes?: number } = {},
  ): ResultAsync<Uint8Array, FileError> {
    const { maxBytes = MAX_READ_BYTES } = options
    return range(path, options).asyncAndThen((request) =>
      this.#calls.ask('fetchFile', { ...request, maxBytes }, { timeoutMs: TRANSFER_MS, ...options }),
    )
  }

  /** Reads a file as a stream. What is wrong with it shows when it is read. */
  readStream(
    path: string,
    options: ReadOptions = {},
  ): ResultAsync<AsyncIterableIterator<Uint8Array>, FileError> {
    return range(path, options)
      .asyncAndThen((request) => this.#calls.ask('readFile', request, options))
      .map((source) => readable(source, 'readFile', this.#calls.explain))
  }

  /** Tells about a file; a symbolic link at the end of the path is followed unless `follow` is false. */
  stat(
    path: string,
    options: WaitOptions & { readonly follow?: boolean } = {},
  ): ResultAsync<FileStat, FileError> {
    return checkPath(path)
      .asyncAndThen(() => this.#calls.ask('stat', { path, follow: options.follow ?? true }, options))
      .map(fileStat)
  }

  /** Tells about the files of a directory. */
  list(path: string, options: WaitOptions = {}): ResultAsync<FileStat[], FileError> {
    return checkPath(path)
      .asyncAndThen(() => this.#calls.ask('list', { path }, options))
      .map((files) => files.map(fileStat))
  }

  /** Removes a file, or with `recursive` a directory and all that is in it. */
  remove(
    path: string,
    options: WaitOptions & { readonly recursive?: boolean } = {},
  ): ResultAsync<void, FileError> {
    return checkPath(path)
      .asyncAndThen(() => this.#calls.ask('remove', { path, recursive: options.recursive ?? false }, options))
      .map(() => undefined)
  }

  async #send(sink: FileSink, contents: Contents): Promise<Result<bigint, RequestError>> {
    const { explain } = this.#calls
    try {
      for await (const part of parts(contents)) {
        const written = await sink.write(part)
        // Why it takes no more is what the file came to.
        if (!written.ok) return await outcomeResult(sink.ended, 'writeFile', explain)
      }
    } catch (error) {
      // The caller's iterable threw: the file must not appear, and the error is the caller's.
      sink.cancel()
      throw error
    }
    await sink.end()
    return await outcomeResult(sink.ended, 'writeFile', explain)
  }
}

const parts = (contents: Contents): AsyncIterable<Uint8Array> | Iterable<Uint8Array> => {
  if (typeof contents === 'string') return [new TextEncoder().encode(contents)]
  return contents instanceof Uint8Array ? [contents] : contents
}

const range = (path: string, { offset = 0, length = 0 }: ReadOptions) =>
  checkPath(path)
    .andThen(() => checkNumber('offset', offset, 0, Number.MAX_SAFE_INTEGER))
    .andThen(() => checkNumber('length', length, 0, Number.MAX_SAFE_INTEGER))
    .map(() => ({ path, offset: BigInt(offset), length: BigInt(length) }))

const fileStat = ({ target, ...report }: FileReport): FileStat => ({
  ...report,
  target: target === '' ? null : target,
})

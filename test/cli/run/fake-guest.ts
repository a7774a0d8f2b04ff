import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Result } from 'neverthrow'
import { err, ok } from 'neverthrow'
import type { RunFailure } from '../../../src/cli/run/failure.ts'
import type { BootGuest, GuestEnding, GuestProcess } from '../../../src/cli/run/guest.ts'
import type { RunOptions } from '../../../src/cli/run/options.ts'
import { run } from '../../../src/cli/run/run.ts'
import type { RunIo } from '../../../src/cli/run/run.ts'

/** A command in no guest: the test says what it writes and how it ends. */
export class FakeProcess implements GuestProcess {
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly received: string[] = []
  readonly #ended = Promise.withResolvers<Result<GuestEnding, RunFailure>>()
  readonly ended = this.#ended.promise
  readonly stdin = {
    write: async (bytes: Uint8Array) => (
      this.received.push(`stdin ${new TextDecoder().decode(bytes)}`),
      true
    ),
    end: async () => void this.received.push('stdin end'),
  }
  /** What the command does when it gets a signal. */
  onSignal: (number: number) => void = (number) => this.exit({ code: null, signal: number })

  signal(number: number): void {
    this.received.push(`signal ${number}`)
    this.onSignal(number)
  }

  kill(): void {
    this.received.push('kill')
    this.exit({ code: null, signal: 9 })
  }

  resize(size: { rows: number; columns: number }): void {
    this.received.push(`resize ${size.rows}x${size.columns}`)
  }

  exit(ending: Partial<GuestEnding>): void {
    this.stdout.end()
    this.stderr.end()
    this.#ended.resolve(ok({ code: 0, signal: null, timedOut: false, durationMs: 5, ...ending }))
  }

  fail(failure: RunFailure): void {
    this.stdout.end()
    this.stderr.end()
    this.#ended.resolve(err(failure))
  }
}

export interface RunFixture {
  readonly options?: Partial<RunOptions>
  /** What the command does once it runs. */
  readonly command?: (process: FakeProcess, io: FakeIo) => void
  readonly boot?: BootGuest
  readonly spawnFailure?: RunFailure
}

export type FakeIo = ReturnType<typeof fakeIo>

/** Runs `actovisor run` on a fake guest; tells what came of it. */
export async function runFake({ options = {}, command, boot, spawnFailure }: RunFixture) {
  const io = fakeIo()
  const process = new FakeProcess()
  const seen = { closed: 0, timeoutMs: undefined as number | null | undefined, size: undefined as unknown }
  const bootFake: BootGuest = async (_, __, onStage) => {
    onStage({ name: 'kernel', atMs: 12.34 })
    return ok({
      spawn: async ({ timeoutMs, size }) => {
        Object.assign(seen, { timeoutMs, size })
        if (spawnFailure !== undefined) return err(spawnFailure)
        setImmediate(() => command?.(process, io))
        return ok(process)
      },
      close: async () => void (seen.closed += 1),
    })
  }
  const all = { ...DEFAULTS, ...options }
  const code = await run(all, boot ?? bootFake, io as unknown as RunIo)
  return {
    code,
    process,
    ...seen,
    stdout: text(io.stdout),
    stderr: text(io.stderr),
    listeners: io.signals.eventNames(),
  }
}

const DEFAULTS: RunOptions = {
  argv: ['cmd'],
  image: null,
  memoryMib: null,
  vcpus: null,
  env: [],
  workdir: null,
  user: null,
  timeoutMs: null,
  interactive: false,
  tty: false,
  verbose: false,
  json: false,
}

function fakeIo() {
  const terminal = { isTTY: true, rows: 10, columns: 20 }
  return {
    stdin: Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} }),
    stdout: Object.assign(new PassThrough(), terminal),
    stderr: Object.assign(new PassThrough(), terminal),
    signals: new EventEmitter(),
  }
}

const text = (stream: PassThrough): string => String(stream.read() ?? '')

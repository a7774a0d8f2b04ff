import type { Result } from 'neverthrow'
import type { Ending } from './exit-code.ts'
import type { RunFailure } from './failure.ts'
import type { RunOptions } from './options.ts'
import type { InputSink } from './pump.ts'
import type { WindowSize } from './terminal.ts'

/** A point of the boot, in milliseconds since it began. */
export interface Stage {
  readonly name: string
  readonly atMs: number
}

/** Boots a guest for a run; calls `onStage` as it goes. */
export type BootGuest = (
  options: RunOptions,
  signal: AbortSignal,
  onStage: (stage: Stage) => void,
) => Promise<Result<Guest, RunFailure>>

/** A guest as a run needs it. */
export interface Guest {
  spawn(program: GuestProgram, signal: AbortSignal): Promise<Result<GuestProcess, RunFailure>>
  /** Leaves nothing of it. */
  close(): Promise<void>
}

export interface GuestProgram {
  readonly options: RunOptions
  readonly size: WindowSize | null
  readonly timeoutMs: number | null
}

/** A command that runs in a guest. */
export interface GuestProcess {
  readonly stdout: AsyncIterable<Uint8Array>
  readonly stderr: AsyncIterable<Uint8Array>
  /** Null when the command has no input. */
  readonly stdin: InputSink | null
  readonly ended: Promise<Result<GuestEnding, RunFailure>>
  signal(number: number): void
  kill(): void
  resize(size: WindowSize): void
}

export interface GuestEnding extends Ending {
  readonly durationMs: number
}

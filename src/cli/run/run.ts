import type { EventEmitter } from 'node:events'
import type { ReadStream, WriteStream } from 'node:tty'
import type { Result } from 'neverthrow'
import { err } from 'neverthrow'
import { Capture } from './capture.ts'
import { attend } from './command.ts'
import { Deadline, TimedOut } from './deadline.ts'
import { ExitCode, exitCodeOf } from './exit-code.ts'
import type { RunFailure } from './failure.ts'
import { failureText, runFailure } from './failure.ts'
import type { BootGuest, Guest, GuestEnding, GuestProcess, Stage } from './guest.ts'
import { Interrupted, Interrupts } from './interrupts.ts'
import type { RunOptions } from './options.ts'
import { writeWhole } from './pump.ts'
import { jsonReport } from './report.ts'
import { SharedTerminal, windowSize } from './terminal.ts'

/** What of this process a run uses. */
export interface RunIo {
  readonly stdin: ReadStream
  readonly stdout: WriteStream
  readonly stderr: WriteStream
  /** Emits the signals to this process. */
  readonly signals: EventEmitter
}

/** `actovisor run`: boots a guest, runs the command and answers the exit code. */
export const run = async (options: RunOptions, boot: BootGuest, io: RunIo): Promise<number> => {
  const stages: Stage[] = []
  const onStage = (stage: Stage) => {
    stages.push(stage)
    if (options.verbose) io.stderr.write(`${stage.atMs.toFixed(1).padStart(8)} ms  ${stage.name}\n`)
  }
  const captures = options.json ? { stdout: new Capture(), stderr: new Capture() } : null
  const result = await runGuest(options, boot, { ...io, ...captures }, io, onStage)
  const exitCode = result.match(exitCodeOf, (failure) => failure.exitCode)
  if (captures !== null) await writeWhole(io.stdout, jsonReport({ exitCode, result, stages, ...captures }))
  else if (result.isErr()) io.stderr.write(failureText(result.error))
  else if (result.value.timedOut) io.stderr.write(failureText(timedOut(options, result.value)))
  return exitCode
}

type Streams = Parameters<typeof attend>[1]
type Outcome = Result<GuestEnding, RunFailure>

const runGuest = async (
  options: RunOptions,
  boot: BootGuest,
  streams: Streams,
  io: RunIo,
  onStage: (stage: Stage) => void,
): Promise<Outcome> => {
  using interrupts = new Interrupts(io.signals)
  using deadline = new Deadline(options.timeoutMs)
  const untilCommand = AbortSignal.any([interrupts.signal, deadline.passed])
  const booted = await boot(options, untilCommand, onStage)
  if (booted.isErr()) return err(stopReason(untilCommand) ?? booted.error)
  const guest = booted.value
  try {
    return await runCommand(guest, options, { streams, io, interrupts, deadline, untilCommand })
  } finally {
    await guest.close()
  }
}

interface Session {
  readonly streams: Streams
  readonly io: RunIo
  readonly interrupts: Interrupts
  readonly deadline: Deadline
  readonly untilCommand: AbortSignal
}

const runCommand = async (guest: Guest, options: RunOptions, session: Session): Promise<Outcome> => {
  const { streams, io, interrupts, deadline, untilCommand } = session
  const size = options.tty ? windowSize(io.stdout) : null
  const spawned = await guest.spawn({ options, size, timeoutMs: deadline.remainingMs() }, untilCommand)
  if (spawned.isErr()) return err(stopReason(untilCommand) ?? spawned.error)
  const process = spawned.value
  interrupts.forwardTo(process)
  using _ = options.tty ? shareTerminal(options, io, process) : null
  const giveUp = AbortSignal.any([interrupts.signal, deadline.overdue])
  try {
    return await attend(process, streams, giveUp)
  } catch (error) {
    return err(stopReason(giveUp) ?? streamFailure(error))
  }
}

const shareTerminal = ({ interactive }: RunOptions, { stdin, stdout }: RunIo, process: GuestProcess) =>
  new SharedTerminal(interactive && stdin.isTTY ? stdin : null, stdout, (size) => process.resize(size))

/** Why a run ended that was made to end; null when it was not. */
const stopReason = ({ aborted, reason }: AbortSignal): RunFailure | null => {
  if (!aborted) return null
  if (reason instanceof Interrupted) return runFailure(reason.exitCode, 'Interrupted', reason.message)
  if (reason instanceof TimedOut) return runFailure(ExitCode.timedOut, 'TimedOut', reason.message)
  return null
}

const streamFailure = (error: unknown): RunFailure =>
  runFailure(
    ExitCode.failed,
    'StreamFailed',
    `a stream failed: ${error instanceof Error ? error.message : String(error)}`,
  )

const timedOut = ({ argv, timeoutMs }: RunOptions, { durationMs }: GuestEnding): RunFailure =>
  runFailure(
    ExitCode.timedOut,
    'TimedOut',
    `timeout: ${argv[0] ?? ''} did not end within the ${(timeoutMs ?? 0) / 1000} s of --timeout ` +
      `and was killed after running for ${(durationMs / 1000).toFixed(1)} s`,
  )

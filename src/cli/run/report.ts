import type { Result } from 'neverthrow'
import type { Capture, Captured } from './capture.ts'
import type { RunFailure } from './failure.ts'
import type { GuestEnding, Stage } from './guest.ts'

/** What `actovisor run --json` prints. */
export interface RunReport {
  /** The exit code of the tool. */
  readonly exitCode: number
  /** How the command ended; null when it did not run to its end. */
  readonly command: GuestEnding | null
  readonly stdout: Captured
  readonly stderr: Captured
  readonly boot: { readonly stages: readonly Stage[] }
  /** What went wrong besides the command; null when nothing did. */
  readonly error: Omit<RunFailure, 'exitCode'> | null
}

export interface RunRecord {
  readonly exitCode: number
  readonly result: Result<GuestEnding, RunFailure>
  readonly stages: readonly Stage[]
  readonly stdout: Capture
  readonly stderr: Capture
}

/** A run as one line of JSON. */
export const jsonReport = ({ exitCode, result, stages, stdout, stderr }: RunRecord): string => {
  const report: RunReport = {
    exitCode,
    command: result.isOk() ? result.value : null,
    stdout: stdout.captured(),
    stderr: stderr.captured(),
    // They are told as they are learnt, those of the machine later than those of its thread.
    boot: { stages: stages.toSorted((a, b) => a.atMs - b.atMs) },
    error: result.isOk() ? null : withoutExitCode(result.error),
  }
  return `${JSON.stringify(report)}\n`
}

const withoutExitCode = ({ tag, message, advice, consoleTail }: RunFailure): RunReport['error'] => ({
  tag,
  message,
  advice,
  consoleTail,
})

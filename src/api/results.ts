import type { ExecReport, ExitReport } from '../agent/requests.ts'

/** How a program ended. */
export interface ExitStatus {
  /** Exit status, or null when a signal ended it. */
  readonly exitCode: number | null
  /** Number of the signal that ended it, or null. */
  readonly signal: number | null
  /** Whether it was killed because its time was up. */
  readonly timedOut: boolean
  /** From execve to the end. */
  readonly wallNs: bigint
}

/** What came of a program that was run to its end. */
export class ExecResult implements ExitStatus {
  readonly exitCode: number | null
  readonly signal: number | null
  readonly timedOut: boolean
  readonly wallNs: bigint
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array

  constructor(report: ExecReport) {
    const { exitCode, signal, timedOut, wallNs } = exitStatus(report)
    this.exitCode = exitCode
    this.signal = signal
    this.timedOut = timedOut
    this.wallNs = wallNs
    this.stdout = report.stdout
    this.stderr = report.stderr
  }

  /** Whether it ended by itself with status 0. */
  get succeeded(): boolean {
    return this.exitCode === 0
  }

  /** Standard output as UTF-8 text. */
  get text(): string {
    return new TextDecoder().decode(this.stdout)
  }

  /** Standard error as UTF-8 text. */
  get errorText(): string {
    return new TextDecoder().decode(this.stderr)
  }
}

/** A report of the agent in the words of the public interface. */
export const exitStatus = ({ code, signal, timedOut, wallNs }: ExitReport): ExitStatus => ({
  exitCode: code,
  signal,
  timedOut,
  wallNs,
})

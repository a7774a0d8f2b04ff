/** Exit codes that are the tool's own, as container engines and timeout(1) use them. */
export const ExitCode = {
  /** The time given with --timeout was over. */
  timedOut: 124,
  /** Actovisor failed: no KVM, no boot, a lost guest. */
  failed: 125,
  /** The command is there and cannot be run. */
  notExecutable: 126,
  notFound: 127,
  /** The tool was interrupted before the command ran: 128 + SIGINT. */
  interrupted: 130,
} as const

/** How a command in the guest ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: number | null
  readonly timedOut: boolean
}

/** The exit code of the tool for the end of a command: its own, or 128 and the signal. */
export const exitCodeOf = ({ code, signal, timedOut }: Ending): number => {
  if (timedOut) return ExitCode.timedOut
  if (signal !== null) return 128 + signal
  return code ?? ExitCode.failed
}

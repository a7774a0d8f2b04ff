/** Why a run has no exit code of the command, for the one who started it. */
export interface RunFailure {
  readonly exitCode: number
  /** Name of the kind of error, for programs. */
  readonly tag: string
  /** What failed, at which stage, with which value. */
  readonly message: string
  readonly advice: string | null
  /** The last lines of the guest's console, where a boot failed. */
  readonly consoleTail: string | null
}

/** A failure that nothing but its message says. */
export const runFailure = (exitCode: number, tag: string, message: string): RunFailure => ({
  exitCode,
  tag,
  message,
  advice: null,
  consoleTail: null,
})

/** A failure as lines for standard error. */
export const failureText = ({ message, advice, consoleTail }: RunFailure): string =>
  [
    `actovisor: ${message}`,
    ...(advice === null ? [] : [`  ${advice}`]),
    ...(consoleTail === null || consoleTail === ''
      ? []
      : ['  the last lines of the console:', consoleTail.trimEnd().replaceAll(/^/gm, '  | ')]),
    '',
  ].join('\n')

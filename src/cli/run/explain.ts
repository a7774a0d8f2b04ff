import type { ActovisorError } from '../../index.ts'
import { ExitCode } from './exit-code.ts'
import type { RunFailure } from './failure.ts'

/** An error of the public interface as the failure of a run. */
export const explain = (error: ActovisorError): RunFailure => ({
  exitCode: exitCode(error),
  tag: error._tag,
  message: error.message,
  advice: null,
  consoleTail: 'consoleTail' in error ? error.consoleTail : null,
})

const exitCode = (error: ActovisorError): number => {
  if (error._tag !== 'RequestRefused' || error.step !== 'execve') return ExitCode.failed
  if (error.reason === 'not-found') return ExitCode.notFound
  return error.reason === 'permission' || error.reason === 'bad-format'
    ? ExitCode.notExecutable
    : ExitCode.failed
}

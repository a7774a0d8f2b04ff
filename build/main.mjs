import { parseCommandLine, USAGE } from './command-line.mjs'
import { createContext } from './context.mjs'
import { BuildError } from './errors.mjs'
import { acquireLock } from './lock.mjs'
import { createProgress } from './progress.mjs'
import { checkSteps, runSteps } from './runner.mjs'
import { selectSteps } from './steps.mjs'

/**
 * Runs the build for a command line and answers the exit code of the process.
 * @param {string[]} argv
 */
export async function main(argv) {
  const progress = createProgress(process.stdout)
  const cancel = new AbortController()
  const stop = (/** @type {NodeJS.Signals} */ signal) =>
    cancel.abort(
      new BuildError(`stopped by ${signal}`, 'Run the same command again: it goes on where it stopped.'),
    )
  process.once('SIGINT', stop).once('SIGTERM', stop).once('SIGHUP', stop)
  try {
    const options = parseCommandLine(argv)
    if (options.help) {
      process.stdout.write(USAGE)
      return 0
    }
    const steps = selectSteps(options.steps)
    const context = createContext({ signal: cancel.signal, force: options.force })
    if (options.check) return (await checkSteps(steps, context, progress)) ? 0 : 1
    const lock = await acquireLock(context.path('artifacts/build.lock'), {
      signal: cancel.signal,
      onWait: (owner) => progress.note(`another build of this folder runs (${owner}); waiting for it to end`),
    })
    try {
      await runSteps(steps, context, progress)
    } finally {
      lock.release()
    }
    return 0
  } catch (error) {
    progress.failure(error)
    return 1
  } finally {
    await progress.close()
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop)
  }
}

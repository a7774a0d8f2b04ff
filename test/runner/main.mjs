import { accessSync, constants } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createContext } from '../../build/context.mjs'
import { cargoSuites, runCargo } from './cargo.mjs'
import { findTestFiles } from './discover.mjs'
import { runTestFile } from './file.mjs'
import { CHECKS, runCheck } from './lint.mjs'
import { add, NOTHING, print } from './result.mjs'

/** @typedef {import('./result.mjs').Result} Result */

/**
 * Runs what the arguments select, everything without one, and answers the exit code.
 * The last line printed is always `N passed, N failed, N skipped`.
 * @param {string[]} argv parts of names of tests; `--lint` runs the linters as well
 */
export async function main(argv) {
  const cancel = new AbortController()
  const stop = (/** @type {NodeJS.Signals} */ signal) => cancel.abort(new Error(`stopped by ${signal}`))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const context = createContext({ signal: cancel.signal })
  const patterns = argv.filter((word) => !word.startsWith('--'))
  const selected = (/** @type {string} */ name) =>
    patterns.length === 0 || patterns.some((pattern) => name.includes(pattern))

  let total = NOTHING
  const count = (/** @type {Result} */ result) => {
    print(result)
    total = add(total, result)
  }
  const checks = argv.includes('--lint') ? CHECKS.filter(({ name }) => selected(name)) : []
  for (const check of checks) count(await runCheck(check, context))
  for (const suite of cargoSuites(context)) if (selected(suite.name)) count(await runCargo(suite, context))
  const files = findTestFiles(context.path('dist/test')).filter(({ name }) => selected(name))
  await inParallel(
    files.filter(({ kvm }) => !kvm),
    availableParallelism(),
    async (file) => count(await runTestFile(file, context)),
  )
  // One at a time: they measure time and share the machine with their guests.
  for (const file of files.filter(({ kvm }) => kvm)) count(await runTestFile(file, context))

  count(verdict(total, cancel.signal))
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
  return total.failed === 0 ? 0 : 1
}

/**
 * What is wrong with a run as a whole, as a failure of its own.
 * @param {Result} total
 * @param {AbortSignal} signal
 * @returns {Result}
 */
function verdict(total, signal) {
  if (signal.aborted) return failure(signal.reason.message)
  if (total.passed + total.failed + total.skipped === 0)
    return failure('no test ran: nothing matches, or the build is missing (node build.mjs)')
  if (process.env['CI'] && total.kvmSkipped > 0 && kvmUsable())
    return failure(`${total.kvmSkipped} tests were skipped for lack of KVM, and /dev/kvm can be used`)
  return NOTHING
}

/**
 * @param {string} output
 * @returns {Result}
 */
function failure(output) {
  return { ...NOTHING, name: 'test run', failed: 1, output }
}

function kvmUsable() {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {number} width how many at once
 * @param {(item: T) => Promise<void>} work
 */
async function inParallel(items, width, work) {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { BuildError } from './errors.mjs'
import { digestInputs } from './inputs.mjs'
import { fingerprint, readStamp, removeStamp, writeStamp } from './stamp.mjs'

/**
 * One step of the build.
 * @typedef {object} Step
 * @property {string} name
 * @property {string} summary what it does, in a few words
 * @property {readonly string[]} needs names of the steps before it
 * @property {boolean} [always] for a step that asks the host and is quick: never skipped
 * @property {(context: import('./context.mjs').Context) => Step | null} [resolve] the step that stands for this one on this host, null while that is not known
 * @property {(context: import('./context.mjs').Context) => Promise<import('./inputs.mjs').Inputs>} inputs
 * @property {(context: import('./context.mjs').Context) => readonly string[]} outputs files or folders that it makes
 * @property {(context: import('./context.mjs').Context, task: Task) => Promise<string | void>} run answers a remark on the result
 *
 * @typedef {object} Task
 * @property {string} digest of the inputs
 * @property {() => Promise<string>} digestNow what it would be now, for a step that reads its inputs over a long time
 * @property {(line: string) => void} log
 * @typedef {import('./context.mjs').Context} Context
 * @typedef {ReturnType<typeof import('./progress.mjs').createProgress>} Progress
 * @typedef {{ step: Step, named: boolean }} Selected
 */

/**
 * Brings steps up to date, in order.
 * @param {readonly Selected[]} steps
 * @param {Context} context
 * @param {Progress} progress
 */
export async function runSteps(steps, context, progress) {
  const started = Date.now()
  for (const { step, named } of steps) {
    context.signal.throwIfAborted()
    const resolved = step.resolve ? step.resolve(context) : step
    if (resolved === null)
      throw new BuildError(`${step.name}: the host has not been probed`, 'Run node build.mjs probe.')
    await runStep(resolved, { ...context, force: context.force && named }, progress)
  }
  progress.note(`all up to date in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

/**
 * Says of each step whether it is up to date; answers whether all are. Changes nothing.
 * @param {readonly Selected[]} steps
 * @param {Context} context
 * @param {Progress} progress
 */
export async function checkSteps(steps, context, progress) {
  let all = true
  for (const { step } of steps) {
    const resolved = step.resolve ? step.resolve(context) : step
    const reason =
      resolved === null
        ? 'not known before the probe'
        : resolved.always
          ? null
          : (await judge(resolved, context)).reason
    if (reason !== null) all = false
    progress.skip(resolved?.name ?? step.name, reason ?? (step.always ? 'asked each time' : 'up to date'))
  }
  return all
}

/**
 * @param {Step} step
 * @param {Context} context
 * @param {Progress} progress
 */
async function runStep(step, context, progress) {
  const { reason, digest } = await judge(step, context)
  if (reason === null && !context.force && !step.always) return progress.skip(step.name, 'up to date')
  const started = Date.now()
  const log = openLog(step, context, progress)
  progress.begin(step.name, step.summary)
  removeStamp(stampPath(step, context))
  try {
    const digestNow = async () => digestInputs(context.root, await step.inputs(context))
    const remark = await untilAborted(step.run(context, { digest, digestNow, log }), context.signal)
    const outputs = fingerprint(context.root, step.outputs(context))
    if (outputs === null)
      throw new BuildError(`step ${step.name} ended without making ${step.outputs(context).join(', ')}`)
    writeStamp(stampPath(step, context), { inputs: digest, outputs, seconds: (Date.now() - started) / 1000 })
    progress.end(step.name, remark ?? '')
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason
    throw located(step, error)
  }
}

/**
 * Gives up waiting at an abort: a recipe need not know the signal, and what it started
 * ends with this process.
 * @template T
 * @param {Promise<T>} work
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
async function untilAborted(work, signal) {
  /** @type {() => void} */
  let stop = () => {}
  try {
    const aborted = new Promise((_, reject) => {
      stop = () => reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
    })
    const result = /** @type {T} */ (await Promise.race([work, aborted]))
    signal.throwIfAborted()
    return result
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * @param {Step} step
 * @param {Context} context
 * @returns {Promise<{ reason: string | null, digest: string }>} why the step has to run, null when it need not
 */
async function judge(step, context) {
  const digest = digestInputs(context.root, await step.inputs(context))
  const stamp = readStamp(stampPath(step, context))
  if (stamp === null) return { reason: 'not finished before', digest }
  if (stamp.inputs !== digest) return { reason: 'its inputs changed', digest }
  if (stamp.outputs !== fingerprint(context.root, step.outputs(context)))
    return { reason: 'its outputs changed', digest }
  return { reason: null, digest }
}

/**
 * @param {Step} step
 * @param {Context} context
 * @param {Progress} progress
 */
function openLog(step, context, progress) {
  mkdirSync(context.path('artifacts/log'), { recursive: true })
  const path = logPath(step, context)
  writeFileSync(path, '')
  return (/** @type {string} */ line) => {
    appendFileSync(path, `${line}\n`)
    progress.output(step.name, line)
  }
}

/** @param {Step} step @param {Context} context */
const stampPath = (step, context) => context.path(`artifacts/stamps/${step.name.replace(':', '-')}.json`)
/** @param {Step} step @param {Context} context */
const logPath = (step, context) => context.path(`artifacts/log/${step.name.replace(':', '-')}.log`)

/**
 * @param {Step} step
 * @param {unknown} error
 */
function located(step, error) {
  const log = `The whole output is in artifacts/log/${step.name.replace(':', '-')}.log.`
  if (error instanceof BuildError)
    return new BuildError(`${step.name}: ${error.message}`, error.advice ?? log, {
      cause: error,
      ...(error.output ? { output: error.output } : {}),
    })
  return new BuildError(
    `${step.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    log,
    { cause: error },
  )
}

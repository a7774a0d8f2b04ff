import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { BuildError } from './errors.mjs'

/** Lines of a failed command that its error carries. */
const SHOWN_LINES = 60

/**
 * Runs a command to its end, handing every line that it writes to `log`.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, signal: AbortSignal, log: (line: string) => void, env?: NodeJS.ProcessEnv, advice?: string, telling?: RegExp }} options `telling`: which lines say what is wrong, the first of them most; without it the last lines do
 * @returns {Promise<void>}
 */
export async function run(command, args, { cwd, signal, log, env = process.env, advice, telling }) {
  const shown = [command, ...args].join(' ')
  log(`$ ${shown}`)
  /** @type {string[]} */
  const shownLines = []
  const keep = (/** @type {string} */ line) => {
    log(line)
    if (telling === undefined) {
      if (shownLines.push(line) > SHOWN_LINES) shownLines.shift()
    } else if (telling.test(line) && shownLines.length < SHOWN_LINES) shownLines.push(line)
  }
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGTERM',
  })
  createInterface({ input: child.stdout }).on('line', keep)
  createInterface({ input: child.stderr }).on('line', keep)
  const [code, killedBy] = await /** @type {Promise<[number | null, NodeJS.Signals | null]>} */ (
    new Promise((resolve, reject) => {
      child.once('error', (error) =>
        reject(
          signal.aborted
            ? signal.reason
            : new BuildError(`cannot run ${shown}: ${error.message}`, advice, { cause: error }),
        ),
      )
      child.once('close', (...end) => resolve(end))
    })
  )
  if (code === 0) return
  const end = killedBy ? `was ended by ${killedBy}` : `failed with exit code ${code}`
  throw new BuildError(`${shown} ${end}`, advice, { output: shownLines.join('\n') })
}

/**
 * Runs a command that is quick and answers what it wrote, or null when it is missing or fails.
 * @param {string} command
 * @param {string[]} args
 * @param {{ failureIsAnswer?: boolean }} [options] whether output counts although the command failed
 * @returns {Promise<string | null>}
 */
export function capture(command, args, { failureIsAnswer = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part) => (text += part))
    child.once('error', () => resolve(null))
    child.once('close', (code) =>
      resolve(code === 0 || (failureIsAnswer && code !== null) ? text.trim() : null),
    )
  })
}

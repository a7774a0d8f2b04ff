import { BuildError } from './errors.mjs'

/** Without a terminal, a step that takes long says so this often. */
const HEARTBEAT_MS = 15_000

/**
 * Prints one line for each step: while it runs its last line of output (on a
 * terminal) or a sign of life (elsewhere), at its end how long it took.
 * @param {NodeJS.WriteStream} stream
 */
export function createProgress(stream) {
  /** @type {Map<string, { since: number, line: string }>} */
  const running = new Map()
  let painted = false
  const print = (/** @type {string} */ text) => {
    if (painted) stream.write('\r\u001B[K')
    painted = false
    stream.write(`${text}\n`)
  }
  const tick = () => {
    for (const [name, { since, line }] of running) {
      const text = `  ${name.padEnd(16)} ${elapsed(since)}  ${line}`
      if (!stream.isTTY) print(text.trimEnd())
      else {
        stream.write(`\r\u001B[K${text.slice(0, (stream.columns ?? 80) - 1)}`)
        painted = true
      }
    }
  }
  const timer = setInterval(tick, stream.isTTY ? 200 : HEARTBEAT_MS)
  timer.unref()
  return {
    /** @param {string} text */
    note: (text) => print(`  ${text}`),
    /** @param {string} name @param {string} summary */
    begin(name, summary) {
      running.set(name, { since: Date.now(), line: summary })
      if (!stream.isTTY) print(`  ${name.padEnd(16)} ${summary}`)
    },
    /** @param {string} name @param {string} line */
    output(name, line) {
      const state = running.get(name)
      if (state && line.trim() !== '') state.line = line.trim()
    },
    /** @param {string} name @param {string} result */
    end(name, result) {
      const since = running.get(name)?.since ?? Date.now()
      running.delete(name)
      print(`✓ ${name.padEnd(16)} ${elapsed(since)}  ${result}`.trimEnd())
    },
    /** @param {string} name @param {string} reason */
    skip: (name, reason) => print(`· ${name.padEnd(16)}          ${reason}`),
    /** @param {unknown} error */
    failure(error) {
      running.clear()
      if (!(error instanceof BuildError))
        return print(`✗ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      if (error.output) print(error.output.replace(/^/gm, '    '))
      print(`✗ ${error.message}`)
      if (error.advice) print(`  ${error.advice}`)
    },
    /** Settles when all is written: what a pipe has not taken yet would be lost with the process. */
    close() {
      clearInterval(timer)
      return new Promise((resolve) => stream.write('', resolve))
    },
  }
}

/** @param {number} since */
function elapsed(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`.padStart(8)
}

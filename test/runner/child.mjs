import { spawn } from 'node:child_process'

/** Output kept of one child; a test in an endless loop must not fill our memory. */
const OUTPUT_BYTES = 1 << 20

/**
 * Runs a child in a process group of its own, so that a deadline ends all that it started.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, signal: AbortSignal, deadlineSeconds: number }} options
 * @returns {Promise<{ code: number | null, end: string, output: string, report: string, seconds: number }>} `end` is empty when it exited by itself
 */
export function runChild(command, args, { cwd, env = process.env, signal, deadlineSeconds }) {
  const started = Date.now()
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  const [, stdout, stderr, reports] = /** @type {import('node:stream').Readable[]} */ (child.stdio)
  const output = collect([stdout, stderr])
  const report = collect([reports])
  let end = ''
  const kill = (/** @type {string} */ reason) => {
    end ||= reason
    try {
      if (child.pid) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The group is gone already.
    }
  }
  const onAbort = () => kill('stopped')
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => kill(`overran its deadline of ${deadlineSeconds} s`), deadlineSeconds * 1000)
  return new Promise((resolve) => {
    const settle = (/** @type {number | null} */ code) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve({ code, end, output: output(), report: report(), seconds: (Date.now() - started) / 1000 })
    }
    child.once('error', (error) => {
      end ||= error.message
      settle(null)
    })
    child.once('exit', (_, killedBy) => {
      if (killedBy) end ||= `ended by ${killedBy}`
      // What the test left running would keep the pipes open.
      kill('')
    })
    child.once('close', (code) => settle(code))
  })
}

/**
 * Gathers what streams write, dropping the middle of too much.
 * @param {readonly (import('node:stream').Readable | undefined)[]} streams
 */
function collect(streams) {
  let head = ''
  let tail = ''
  for (const stream of streams) {
    stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      if (head.length < OUTPUT_BYTES / 2) head += text
      else tail = (tail + text).slice(-OUTPUT_BYTES / 2)
    })
  }
  return () => (tail.length === OUTPUT_BYTES / 2 ? `${head}\n[...]\n${tail}` : head + tail)
}

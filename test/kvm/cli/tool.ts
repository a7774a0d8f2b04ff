import { spawn } from 'node:child_process'
import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

const MAIN = join(process.cwd(), 'dist/lib/cli.js')

/** A run of the command line tool. */
export interface Tool {
  readonly child: ChildProcess
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles with what came of it. */
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

/** Starts the tool as a shell would. */
export function startTool(...argv: string[]): Tool {
  return toolOf(spawn(process.execPath, [MAIN, ...argv], { stdio: ['pipe', 'pipe', 'pipe'] }))
}

/** Starts the tool on a terminal of its own, whose keyboard and screen are the streams; `words` go through a shell. */
export function startToolOnTerminal(words: string): Tool {
  const command = `${process.execPath} ${MAIN} ${words}`
  return toolOf(spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'] }))
}

function toolOf(child: ChildProcessWithoutNullStreams): Tool {
  const { stdin, stdout, stderr } = child
  // The tool may be done before it has read all of its input.
  stdin.on('error', () => {})
  const gather = (stream: Readable) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    return () => Buffer.concat(chunks).toString()
  }
  const [out, err] = [gather(stdout), gather(stderr)]
  const ended = once(child, 'close').then(([code]: (number | null)[]) => ({
    code: code ?? null,
    stdout: out(),
    stderr: err(),
  }))
  return { child, stdin, stdout, stderr, ended }
}

/** Runs the tool to its end, with no more input than `input`. */
export async function runTool(argv: readonly string[], input = '') {
  const tool = startTool(...argv)
  tool.stdin.end(input)
  return tool.ended
}

/** Waits until a stream has said something. */
export async function said(stream: Readable, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let seen = ''
  const onData = (chunk: Buffer) => {
    seen += chunk.toString()
    if (seen.includes(text)) resolve()
  }
  const onEnd = () => reject(new Error(`the stream ended without saying ${text}: ${seen}`))
  stream.on('data', onData).once('close', onEnd)
  try {
    await promise
  } finally {
    stream.off('data', onData).off('close', onEnd)
  }
}

#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { packageRoot } from '../package-root.ts'
import { isSupportedNode, nodeAdvice } from './node-version.ts'
import { runProgram } from './program.ts'
import { ExitCode } from './run/exit-code.ts'

/** How long what a pipe has not taken yet is waited for at the end; results are awaited where they are written. */
const FLUSH_MS = 1000

const { stdin, stdout, stderr } = process
// A reader that goes away is told by each write that fails.
for (const stream of [stdout, stderr]) stream.on('error', () => {})

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
  version: string
}

/** Runs what needs the runtime, and tells a defect of ours apart from an end of the guest's command. */
const withRuntime = async (action: () => Promise<number>): Promise<number> => {
  try {
    if (isSupportedNode(process.versions.node)) return await action()
    stderr.write(`actovisor: this is Node ${process.versions.node}\n  ${nodeAdvice}\n`)
  } catch (error) {
    stderr.write(`actovisor: a defect: ${error instanceof Error ? error.stack : String(error)}\n`)
  }
  return ExitCode.failed
}

// Each command loads what it needs: help and mistakes answer at once.
const code = await runProgram(
  process.argv.slice(2),
  version,
  {
    run: (options) =>
      withRuntime(async () => {
        const [{ run }, { bootGuest }] = await Promise.all([import('./run/run.ts'), import('./run/boot.ts')])
        return run(options, bootGuest, { stdin, stdout, stderr, signals: process })
      }),
    doctor: async (options) => (await import('./doctor/command.ts')).doctor(options, stdout),
    demo: () => withRuntime(async () => (await import('./demo/demo.ts')).demo(stdout)),
  },
  { out: (text) => stdout.write(text), err: (text) => stderr.write(text) },
)

const flushed = Promise.all([stdout, stderr].map((stream) => new Promise((done) => stream.write('', done))))
await Promise.race([flushed, setTimeout(FLUSH_MS)])
process.exit(code)

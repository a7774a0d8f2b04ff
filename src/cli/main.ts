#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { packageRoot } from '../package-root.ts'
import { runProgram } from './program.ts'

/** How long what a pipe has not taken yet is waited for at the end; results are awaited where they are written. */
const FLUSH_MS = 1000

const { stdin, stdout, stderr } = process
// A reader that goes away is told by each write that fails.
for (const stream of [stdout, stderr]) stream.on('error', () => {})

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
  version: string
}

// Each command loads what it needs: help and mistakes answer at once.
const code = await runProgram(
  process.argv.slice(2),
  version,
  {
    run: async (options) => {
      const [{ run }, { bootGuest }] = await Promise.all([import('./run/run.ts'), import('./run/boot.ts')])
      return run(options, bootGuest, { stdin, stdout, stderr, signals: process })
    },
    doctor: async (options) => (await import('./doctor/command.ts')).doctor(options, stdout),
    demo: async () => (await import('./demo/demo.ts')).demo(stdout),
  },
  { out: (text) => stdout.write(text), err: (text) => stderr.write(text) },
)

const flushed = Promise.all([stdout, stderr].map((stream) => new Promise((done) => stream.write('', done))))
await Promise.race([flushed, setTimeout(FLUSH_MS)])
process.exit(code)

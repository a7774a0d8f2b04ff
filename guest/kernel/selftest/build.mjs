// Builds the kernel's self-test: one static program that runs inside the guest.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Debian packages the self-test needs to be built. */
export const packages = ['gcc', 'libc6-dev', 'linux-libc-dev']

/** Files whose content decides the result. */
export function inputs() {
  return readdirSync(here)
    .filter((name) => /\.([ch]|mjs)$/.test(name))
    .sort()
    .map((name) => ({ file: join(here, name) }))
}

/**
 * Builds the static program `output`.
 * @param {{output: string}} options
 */
export function buildSelftest({ output }) {
  mkdirSync(dirname(output), { recursive: true })
  const partial = `${output}.${process.pid}`
  const sources = inputs().filter(({ file }) => file.endsWith('.c'))
  const flags = ['-O1', '-g0', '-Wall', '-Wextra', '-Werror', '-static', '-pthread', '-mno-red-zone']
  try {
    execFileSync('gcc', [...flags, '-o', partial, ...sources.map(({ file }) => file)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    })
  } catch (error) {
    throw new Error(`The kernel's self-test does not compile:\n${error.stderr ?? error.message}`, {
      cause: error,
    })
  }
  renameSync(partial, output)
}

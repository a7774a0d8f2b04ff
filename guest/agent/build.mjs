import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const FOLDER = dirname(fileURLToPath(import.meta.url))
const TARGET = 'x86_64-unknown-linux-gnu'
const LIMIT_BYTES = 1024 * 1024

/** Static, at a fixed address (nothing to relocate at start), without a C library. */
const RUSTFLAGS = [
  '--cfg=freestanding',
  '-Ctarget-feature=+crt-static',
  '-Crelocation-model=static',
  '-Clink-arg=-nostartfiles',
  '-Clink-arg=-nostdlib',
  '-Clink-arg=-Wl,--build-id=none,-z,norelro,--gc-sections,--no-eh-frame-hdr',
]

/** What decides the agent, relative to the repository. */
export const inputs = [
  'guest/agent/Cargo.toml',
  'guest/agent/Cargo.lock',
  'guest/agent/build.rs',
  'guest/agent/src',
  'guest/protocol/agent.proto',
]

/**
 * Compiles the agent and puts it at `output`/agent.
 * @param {{ output: string, targetDir: string, log: (line: string) => void, signal?: AbortSignal }} options
 */
export async function build({ output, targetDir, log, signal }) {
  const args = ['build', '--release', '--locked', '--target', TARGET, '--target-dir', targetDir]
  await cargo(args, { log, signal })
  const made = join(targetDir, TARGET, 'release', 'actovisor-agent')
  const { size } = statSync(made)
  if (size > LIMIT_BYTES)
    throw new Error(
      `the agent has ${size} bytes; more than ${LIMIT_BYTES} are not meant to be in every guest`,
    )
  place(made, join(output, 'agent'))
  log(`agent: ${size} bytes`)
}

/**
 * @param {readonly string[]} args
 * @param {{ log: (line: string) => void, signal: AbortSignal | undefined }} options
 * @returns {Promise<void>}
 */
function cargo(args, { log, signal }) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, CARGO_ENCODED_RUSTFLAGS: RUSTFLAGS.join('\x1f'), CARGO_TERM_COLOR: 'never' }
    const child = spawn('cargo', args, { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'], signal })
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', log)
    child.on('error', (cause) => reject(new Error(`cannot run cargo: ${cause.message}`, { cause })))
    child.on('close', (code, killer) => {
      if (code === 0) resolve()
      else reject(new Error(`cargo ${args.join(' ')} ended with ${killer ?? code}`))
    })
  })
}

/**
 * Never leaves half a file under its name.
 * @param {string} from
 * @param {string} to
 */
function place(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  const temporary = `${to}.${process.pid}`
  try {
    copyFileSync(from, temporary)
    renameSync(temporary, to)
  } finally {
    rmSync(temporary, { force: true })
  }
}

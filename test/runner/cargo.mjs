import { existsSync } from 'node:fs'
import { targetDir } from '../../build/cargo.mjs'
import { runChild } from './child.mjs'
import { NOTHING } from './result.mjs'

/** Compiling all dependencies for the tests takes minutes on two slow cores. */
const DEADLINE_SECONDS = 900

const AGENT = 'guest/agent'

/** @typedef {{ name: string, folder: string, target: string }} CargoSuite */

/**
 * The Rust workspaces.
 * @param {import('../../build/context.mjs').Context} context
 * @returns {CargoSuite[]}
 */
export function cargoSuites(context) {
  return [
    { name: 'cargo test src/native', folder: 'src/native', target: 'native' },
    { name: 'cargo test guest/agent', folder: AGENT, target: 'agent' },
  ].filter(({ folder }) => existsSync(context.path(`${folder}/Cargo.toml`)))
}

/**
 * Runs the tests of a workspace and adds up what its test binaries print.
 * @param {CargoSuite} suite
 * @param {import('../../build/context.mjs').Context} context
 * @returns {Promise<import('./result.mjs').Result>}
 */
export async function runCargo({ name, folder, target }, context) {
  // Over a socket the agent runs programs as other users and groups them, which takes root.
  const limited = folder === AGENT && process.getuid?.() !== 0
  const args = [
    'test',
    '--workspace',
    '--locked',
    '--no-fail-fast',
    '--target-dir',
    targetDir(context, target),
    ...(limited ? ['--lib'] : []),
  ]
  const ended = await runChild('cargo', args, {
    cwd: context.path(folder),
    env: {
      ...process.env,
      CARGO_TERM_COLOR: 'never',
      // The agent's tests try the binary that guests run, not one of cargo's own.
      ACTOVISOR_AGENT: context.path('artifacts/agent/agent'),
    },
    signal: context.signal,
    deadlineSeconds: DEADLINE_SECONDS,
  })
  const result = judgeCargo(name, ended)
  if (!limited) return result
  const reasons = [...result.reasons, 'the tests of the agent over a socket need root']
  return { ...result, skipped: result.skipped + 1, reasons }
}

/**
 * @param {string} name
 * @param {Awaited<ReturnType<typeof runChild>>} ended
 * @returns {import('./result.mjs').Result}
 */
export function judgeCargo(name, { code, end, output, seconds }) {
  const result = { ...NOTHING, name, seconds, output }
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    result.passed += Number(passed)
    result.failed += Number(failed)
    result.skipped += Number(ignored)
  }
  result.reasons = [
    ...new Set(
      [...output.matchAll(/^test .* \.\.\. ignored(?:, (.*))?$/gm)].map(
        ([, reason]) => reason ?? 'ignored without a reason',
      ),
    ),
  ]
  if (code !== 0 && result.failed === 0)
    return { ...result, failed: 1, output: `${output}\n${end || `cargo ended with ${code}`}` }
  if (result.passed + result.failed + result.skipped === 0)
    return { ...result, failed: 1, output: `${output}\nno test ran` }
  return result
}

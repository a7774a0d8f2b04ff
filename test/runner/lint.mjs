import { delimiter } from 'node:path'
import { targetDir } from '../../build/cargo.mjs'
import { runChild } from './child.mjs'
import { NOTHING } from './result.mjs'

/** Clippy compiles every dependency once. */
const DEADLINE_SECONDS = 900
const PRETTIER_FILES = ['**/*.{ts,mjs,json}', '.prettierrc.json', '.oxlintrc.json']

/** @typedef {{ name: string, folder: string, target?: string, command: string, args: readonly string[] }} Check */

/**
 * What must be clean before a change is done.
 * @type {readonly Check[]}
 */
export const CHECKS = [
  { name: 'oxlint', folder: '.', command: 'oxlint', args: ['--deny-warnings'] },
  {
    name: 'prettier',
    folder: '.',
    command: 'prettier',
    args: ['--check', '--log-level', 'warn', ...PRETTIER_FILES],
  },
  { name: 'tsc', folder: '.', command: 'tsc', args: ['-p', '.', '--noEmit'] },
  ...cargoChecks('src/native', 'native'),
  ...cargoChecks('guest/agent', 'agent'),
]

/**
 * @param {string} folder
 * @param {string} target
 * @returns {Check[]}
 */
function cargoChecks(folder, target) {
  return [
    { name: `cargo fmt ${folder}`, folder, command: 'cargo', args: ['fmt', '--all', '--check'] },
    {
      name: `cargo clippy ${folder}`,
      folder,
      target,
      command: 'cargo',
      args: ['clippy', '--quiet', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings'],
    },
  ]
}

/**
 * @param {Check} check
 * @param {import('../../build/context.mjs').Context} context
 * @returns {Promise<import('./result.mjs').Result>}
 */
export async function runCheck({ name, folder, target, command, args }, context) {
  const path = [context.path('node_modules/.bin'), process.env['PATH']].join(delimiter)
  const { code, end, output, seconds } = await runChild(command, args, {
    cwd: context.path(folder),
    env: { ...process.env, PATH: path, ...(target ? { CARGO_TARGET_DIR: targetDir(context, target) } : {}) },
    signal: context.signal,
    deadlineSeconds: DEADLINE_SECONDS,
  })
  const passed = code === 0
  return {
    ...NOTHING,
    name,
    seconds,
    passed: passed ? 1 : 0,
    failed: passed ? 0 : 1,
    output: `${output}\n${end}`,
  }
}

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyAtomic } from '../atomic.mjs'
import { fromCache } from '../cache.mjs'
import { rustVersions, targetDir } from '../cargo.mjs'
import { run } from '../child.mjs'
import { listFiles } from '../inputs.mjs'

const WORKSPACE = 'src/native'
const LIBRARY = 'libactovisor_binding.so'
const ADDON = 'actovisor.linux-x64-gnu.node'

/** @type {import('../runner.mjs').Step} */
export const crates = {
  name: 'crates',
  summary: 'native addon (cargo build)',
  needs: ['packages'],
  inputs: async (context) => ({
    files: listFiles(context.path(WORKSPACE)).filter(
      (path) => !path.endsWith('.ts') && !path.includes('/tests/'),
    ),
    values: { ...(await rustVersions()), flags: process.env['RUSTFLAGS'] ?? '' },
  }),
  outputs: (context) => [context.path(`dist/native/${ADDON}`)],
  async run(context, task) {
    const { log } = task
    const entry = await fromCache(context, {
      step: 'crates',
      task,
      make: (folder) => compile(context, folder, log),
    })
    copyAtomic(join(entry, ADDON), context.path(`dist/native/${ADDON}`))
  },
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {string} folder
 * @param {(line: string) => void} log
 */
async function compile(context, folder, log) {
  const target = targetDir(context, 'native')
  await run('cargo', ['build', '--release', '--locked', '-p', 'actovisor-binding', '--target-dir', target], {
    cwd: context.path(WORKSPACE),
    signal: context.signal,
    log,
  })
  copyFileSync(join(target, 'release', LIBRARY), join(folder, ADDON))
}

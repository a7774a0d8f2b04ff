import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyAtomic } from '../atomic.mjs'
import { fromCache } from '../cache.mjs'
import { rustVersions, targetDir } from '../cargo.mjs'
import { run } from '../child.mjs'
import { listFiles } from '../inputs.mjs'

const WORKSPACE = 'src/native'
const FLOOR_SOURCE = 'src/native/vmm/examples/floor.rs'
const GUEST_SOURCE = 'bench/guest/exec_cost.c'
const PROGRAMS = ['floor', 'exec_cost']

/**
 * The programs that benchmarks measure against.
 * @type {import('../runner.mjs').Step}
 */
export const bench = {
  name: 'bench',
  summary: 'floors of the benchmarks',
  needs: ['packages'],
  inputs: async (context) => ({
    files: [...listFiles(context.path('bench/guest')), context.path(FLOOR_SOURCE)],
    values: await rustVersions(),
  }),
  outputs: (context) => PROGRAMS.map((name) => context.path(`artifacts/bench/${name}`)),
  async run(context, task) {
    const { log } = task
    const entry = await fromCache(context, {
      step: 'bench',
      task,
      make: (folder) => compile(context, folder, log),
    })
    for (const name of PROGRAMS) copyAtomic(join(entry, name), context.path(`artifacts/bench/${name}`))
  },
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {string} folder
 * @param {(line: string) => void} log
 */
async function compile(context, folder, log) {
  const target = targetDir(context, 'native')
  const args = ['build', '--release', '--locked', '-p', 'actovisor-vmm', '--example', 'floor']
  await run('cargo', [...args, '--target-dir', target], {
    cwd: context.path(WORKSPACE),
    signal: context.signal,
    log,
  })
  copyFileSync(join(target, 'release/examples/floor'), join(folder, 'floor'))
  await run('gcc', ['-O2', '-static', '-o', join(folder, 'exec_cost'), context.path(GUEST_SOURCE)], {
    cwd: context.path('.'),
    signal: context.signal,
    log,
  })
}

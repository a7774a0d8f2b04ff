import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { copyAtomic } from '../atomic.mjs'
import { fromCache } from '../cache.mjs'
import { rustVersions, targetDir } from '../cargo.mjs'
import { recipeInputs, requiredModule } from '../modules.mjs'

const RECIPE = 'guest/agent/build.mjs'

/** @type {import('../runner.mjs').Step} */
export const agent = {
  name: 'agent',
  summary: 'guest agent (cargo build)',
  needs: ['packages'],
  async inputs(context) {
    const { files, values } = await recipeInputs(context, RECIPE)
    return { files, values: { ...values, ...(await rustVersions()) } }
  },
  outputs: (context) => [context.path('artifacts/agent/agent')],
  async run(context, task) {
    const { log } = task
    const { build } = /** @type {any} */ (await requiredModule(context, RECIPE))
    const make = (/** @type {string} */ folder) =>
      build({
        output: folder,
        targetDir: targetDir(context, 'agent'),
        log,
        signal: context.signal,
      })
    const entry = await fromCache(context, { step: 'agent', task, make })
    copyAtomic(join(entry, 'agent'), context.path('artifacts/agent/agent'))
    chmodSync(context.path('artifacts/agent/agent'), 0o755)
  },
}

import { join } from 'node:path'
import { copyAtomic } from '../atomic.mjs'
import { fromCache } from '../cache.mjs'
import { recipeInputs, requiredModule } from '../modules.mjs'

const RECIPE = 'guest/base/build.mjs'

/** @type {import('../runner.mjs').Step} */
export const base = {
  name: 'base',
  summary: 'base image',
  needs: ['packages'],
  inputs: (context) => recipeInputs(context, RECIPE),
  outputs: (context) => [context.path('artifacts/base/layout')],
  async run(context, task) {
    const { log } = task
    const { build } = /** @type {any} */ (await requiredModule(context, RECIPE))
    const make = (/** @type {string} */ folder, /** @type {string} */ workDir) =>
      build({
        output: join(folder, 'layout'),
        workDir,
        log,
        signal: context.signal,
      })
    const entry = await fromCache(context, { step: 'base', task, make })
    copyAtomic(join(entry, 'layout'), context.path('artifacts/base/layout'))
  },
}

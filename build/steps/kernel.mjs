import { availableParallelism } from 'node:os'
import { copyAtomic } from '../atomic.mjs'
import { fromCache } from '../cache.mjs'
import { recipeInputs, requiredModule } from '../modules.mjs'
import { probedFlavour } from './probe.mjs'

const RECIPE = 'guest/kernel/build.mjs'

export const kernelStandard = kernelStep('standard')
export const kernelPvm = kernelStep('pvm')

/**
 * The flavour that the host needs.
 * @type {import('../runner.mjs').Step}
 */
export const kernel = {
  ...kernelStandard,
  name: 'kernel',
  needs: ['packages', 'probe'],
  resolve(context) {
    const flavour = probedFlavour(context)
    if (flavour === null) return null
    return flavour === 'pvm' ? kernelPvm : kernelStandard
  },
}

/**
 * @param {'standard' | 'pvm'} flavour
 * @returns {import('../runner.mjs').Step}
 */
function kernelStep(flavour) {
  return {
    name: `kernel:${flavour}`,
    summary: 'guest kernel; takes minutes the first time',
    needs: ['packages'],
    inputs: (context) => recipeInputs(context, RECIPE, flavour),
    outputs: (context) => [context.path(`artifacts/kernel/${flavour}`)],
    async run(context, task) {
      const { log } = task
      const { build } = /** @type {any} */ (await requiredModule(context, RECIPE))
      const make = (/** @type {string} */ folder, /** @type {string} */ workDir) =>
        build({
          flavour,
          workDir,
          output: folder,
          jobs: availableParallelism(),
          log,
          signal: context.signal,
        })
      const entry = await fromCache(context, { step: `kernel-${flavour}`, task, make })
      copyAtomic(entry, context.path(`artifacts/kernel/${flavour}`))
    },
  }
}

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { copyAtomic } from '../atomic.mjs'
import { fromCache } from '../cache.mjs'
import { capture } from '../child.mjs'
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
    async inputs(context) {
      const { files, values } = await recipeInputs(context, RECIPE, flavour)
      return { files, values: { ...values, flavour, packages: await packageVersions(context) } }
    },
    outputs: (context) => [context.path(`artifacts/kernel/${flavour}`)],
    async run(context, { digest, log }) {
      const { build } = /** @type {any} */ (await requiredModule(context, RECIPE))
      const make = (/** @type {string} */ folder, /** @type {string} */ workDir) =>
        build({
          flavour,
          workDir,
          output: join(folder, 'vmlinux'),
          jobs: availableParallelism(),
          log,
          signal: context.signal,
        })
      const entry = await fromCache(context, { step: `kernel-${flavour}`, digest, log, make })
      copyAtomic(join(entry, 'vmlinux'), context.path(`artifacts/kernel/${flavour}/vmlinux`))
    },
  }
}

/** @param {import('../context.mjs').Context} context */
async function packageVersions(context) {
  const { packages } = /** @type {any} */ (await requiredModule(context, RECIPE))
  const versions = await Promise.all(
    packages.map((/** @type {string} */ name) =>
      capture('dpkg-query', ['-W', '-f=${Package} ${Version}', name]),
    ),
  )
  return versions.join('\n')
}

import { fileURLToPath } from 'node:url'
import * as Effect from 'effect/Effect'
import { Actovisor } from '../../src/api/actovisor.ts'
import type { Prepared } from '../../src/api/artifacts.ts'
import { openRuntime } from '../../src/api/open.ts'
import type { OpenOptions } from '../../src/api/options.ts'
import { valueOf } from './results.ts'

/** The module that host threads load in the place of the addon. */
export const bindingModule = fileURLToPath(new URL('./native.js', import.meta.url))

/** An image of the scripted guests. */
export const preparedDouble: Prepared = {
  kernelPath: '/double/vmlinux',
  rootDiskPath: '/double/root.erofs',
  image: { env: ['IMAGE=yes', 'PATH=/image/bin'], workdir: '/work', user: 'worker', entrypoint: [], cmd: [] },
}

/** A runtime on real host threads whose guests are scripted. */
export const openDouble = async (options: OpenOptions = {}): Promise<Actovisor> => {
  const substitutes = { bindingModule, prepare: () => Effect.succeed(preparedDouble) }
  return new Actovisor(await valueOf(openRuntime({ hostThreads: 1, ...options }, substitutes)))
}

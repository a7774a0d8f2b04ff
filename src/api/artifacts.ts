import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import * as Effect from 'effect/Effect'
import { MissingArtifact } from '../errors/host.ts'
import { ImageFailed } from '../errors/image.ts'
import { rootDiskFor } from '../image/index.ts'
import type { ImageConfig } from '../image/index.ts'
import type { KernelFlavour } from '../native/native.ts'
import { packageRoot } from '../package-root.ts'
import { fromResult } from './bridge.ts'
import type { StartOptions } from './options.ts'

/** What a VM boots from, and what its image says about its programs. */
export interface Prepared {
  readonly kernelPath: string
  readonly rootDiskPath: string | null
  readonly image: Pick<ImageConfig, 'env' | 'workdir' | 'user' | 'entrypoint' | 'cmd'>
}

/** Finds kernel and root disk for a VM; replaced in tests that boot nothing. */
export type Prepare = (
  options: StartOptions,
  flavour: KernelFlavour,
) => Effect.Effect<Prepared, MissingArtifact | ImageFailed>

/** Where root disks are kept unless the caller says. */
export const defaultCacheDir = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'actovisor')

/** Takes kernel, agent and base image from what the set-up made, and root disks from the cache. */
export const prepareFrom =
  (cacheDir: string): Prepare =>
  (options, flavour) =>
    Effect.gen(function* () {
      const artifacts = join(packageRoot(), 'artifacts')
      const kernelPath =
        options.kernel ?? (yield* built('guest kernel', join(artifacts, 'kernel', flavour, 'vmlinux')))
      const agentPath = yield* built('guest agent', join(artifacts, 'agent/agent'))
      const image = options.image ?? 'base'
      const layout =
        image === 'base' ? yield* built('base image', join(artifacts, 'base/layout')) : resolve(image)
      const disk = yield* fromResult((signal) =>
        rootDiskFor({
          layout,
          agentPath,
          cacheDir: join(cacheDir, 'disks'),
          signal,
          ...(options.reference === undefined ? {} : { reference: options.reference }),
        }),
      ).pipe(Effect.mapError((cause) => new ImageFailed({ image, cause })))
      return { kernelPath: resolve(kernelPath), rootDiskPath: disk.path, image: disk.config }
    })

const built = (what: string, path: string): Effect.Effect<string, MissingArtifact> =>
  existsSync(path) ? Effect.succeed(path) : Effect.fail(new MissingArtifact({ what, path }))

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { packageRoot } from '../package-root.ts'
import type { NativeBinding } from './native.ts'

/** Where the build leaves the addon. */
export const addonPath = (): string => join(packageRoot(), 'dist/native/actovisor.linux-x64-gnu.node')

/**
 * Loads the addon into this thread. The main thread does so first: that keeps
 * the library mapped when the host threads that also load it are gone.
 * `module` names another implementation, for tests. Throws what loading throws.
 */
export const loadBinding = (module: string | null): NativeBinding =>
  // The two casts of the boundary: what the modules export is checked against native.ts by hand.
  module === null
    ? (requireModule(addonPath()) as NativeBinding)
    : (requireModule(module) as { readonly binding: NativeBinding }).binding

const requireModule = createRequire(import.meta.url)

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { KernelFlavour } from '../../src/native/native.ts'
import { packageRoot } from '../../src/package-root.ts'

/** The kernel that the build made. */
export function builtInKernel(flavour: KernelFlavour): string {
  const path = join(packageRoot(), 'artifacts/kernel', flavour, 'vmlinux')
  if (!existsSync(path)) throw new Error(`${path} is not there: run node build.mjs kernel:${flavour}`)
  return path
}

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder of this package, found from the module at `from`: a source, a built file or a bundle. */
export const packageRoot = (from: string = import.meta.dirname): string => {
  if (existsSync(join(from, 'package.json'))) return from
  const parent = dirname(from)
  if (parent === from)
    throw new Error(`no package.json above ${import.meta.dirname}; the installation is incomplete`)
  return packageRoot(parent)
}

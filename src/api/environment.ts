import type { Environment } from './options.ts'

/** What a program finds its like in where neither image nor caller says. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The environment of a program, later layers over earlier ones: the image's, the VM's, its own. */
export const mergeEnvironment = (
  image: readonly string[],
  ...layers: readonly (Environment | undefined)[]
): string[] => {
  const merged = new Map([['PATH', DEFAULT_PATH]])
  for (const entry of image) {
    const at = entry.indexOf('=')
    if (at > 0) merged.set(entry.slice(0, at), entry.slice(at + 1))
  }
  for (const layer of layers) for (const [name, value] of Object.entries(layer ?? {})) merged.set(name, value)
  return Array.from(merged, ([name, value]) => `${name}=${value}`)
}

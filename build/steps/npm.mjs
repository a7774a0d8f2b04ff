import { existsSync, readFileSync } from 'node:fs'
import { run } from '../child.mjs'

/** npm writes this as the last thing of an installation. */
const INSTALLED = 'node_modules/.package-lock.json'

/** @type {import('../runner.mjs').Step} */
export const npm = {
  name: 'npm',
  summary: 'npm ci',
  needs: ['packages'],
  inputs: async (context) => ({ files: [context.path('package-lock.json')] }),
  outputs: (context) => [context.path(INSTALLED), context.path('node_modules/.bin/node')],
  async run(context, { log }) {
    if (!context.force && isInstalled(context)) return 'as package-lock.json says'
    // No dependency needs its install script: the binaries come as packages of their own.
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'http'], {
      cwd: context.root,
      signal: context.signal,
      log,
      // It shows its whole usage after that.
      telling: /^npm error (?!.*(--|Usage|Options|aliases))/,
      advice: 'Check the network and the registry of npm (npm config get registry), then run this again.',
    })
    return 'installed'
  },
}

/**
 * Whether node_modules holds what package-lock.json says. After `npm install` of a new
 * dependency it does, and wiping it with npm ci would be for nothing.
 * @param {import('../context.mjs').Context} context
 */
function isInstalled(context) {
  const [wanted, present] = ['package-lock.json', INSTALLED].map((path) => lockedPackages(context.path(path)))
  if (!wanted || !present) return false
  const same = Object.entries(wanted).every(([name, entry]) => {
    const found = present[name]
    // Packages for other systems are locked, and not installed.
    return found === undefined
      ? entry.optional === true
      : found.version === entry.version && found.integrity === entry.integrity
  })
  return same && Object.keys(present).every((name) => name in wanted)
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }> | null}
 */
function lockedPackages(path) {
  if (!existsSync(path)) return null
  const { '': _root, ...packages } = JSON.parse(readFileSync(path, 'utf8')).packages
  return packages
}

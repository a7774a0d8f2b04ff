import { existsSync, readdirSync } from 'node:fs'
import { capture, run } from '../child.mjs'
import { BuildError } from '../errors.mjs'
import { optionalModule } from '../modules.mjs'

/** What the steps of this folder use; the guest's kernel and base image name their own. */
const OWN = ['build-essential', 'ca-certificates']
const LISTS = '/var/lib/apt/lists'

/** @type {import('../runner.mjs').Step} */
export const packages = {
  name: 'packages',
  summary: 'Debian packages',
  needs: [],
  always: true,
  inputs: async () => ({ files: [] }),
  outputs: () => [],
  async run(context, { log }) {
    checkHost()
    const isRoot = process.getuid?.() === 0
    const aptGet = aptGetIn(context, log)
    // The base image is made from packages that only the lists tell where to find.
    if (isRoot && !hasLists()) await aptGet('update')
    const wanted = await wantedPackages(context)
    const missing = await missingPackages(wanted)
    if (missing.length === 0) return `${wanted.length} present`
    const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
    if (!isRoot)
      throw new BuildError(
        `missing Debian packages: ${missing.join(' ')}`,
        `Install them, then run this again:\n\n  sudo ${command}\n`,
      )
    await install(missing, aptGet)
    const still = await missingPackages(missing)
    if (still.length > 0)
      throw new BuildError(
        `apt-get ended well, yet these are missing: ${still.join(' ')}`,
        `Try: apt-get update && ${command}`,
      )
    return `installed ${missing.join(' ')}`
  },
}

function checkHost() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new BuildError(
      `this host is ${process.platform} on ${process.arch}`,
      'Actovisor runs on Linux on x86-64 only.',
    )
}

/** @param {import('../context.mjs').Context} context */
async function wantedPackages(context) {
  const recipes = await Promise.all(
    ['guest/kernel/build.mjs', 'guest/base/build.mjs', 'guest/agent/build.mjs'].map((path) =>
      optionalModule(context, path),
    ),
  )
  return [...new Set([...OWN, ...recipes.flatMap((recipe) => recipe?.['packages'] ?? [])])].sort()
}

/** @param {readonly string[]} wanted */
async function missingPackages(wanted) {
  // It fails when it does not know one of them, and still tells of the others.
  const answer = await capture('dpkg-query', ['-W', '-f=${db:Status-Status} ${Package}\\n', ...wanted], {
    failureIsAnswer: true,
  })
  if (answer === null)
    throw new BuildError(
      'this is not a Debian system: cannot run dpkg-query',
      `The build needs what Debian 12 calls: ${wanted.join(' ')}`,
    )
  const installed = new Set(answer.split('\n').flatMap((line) => /^installed (\S+)/.exec(line)?.[1] ?? []))
  return wanted.filter((name) => !installed.has(name))
}

/**
 * @param {readonly string[]} missing
 * @param {(...args: string[]) => Promise<void>} aptGet
 */
async function install(missing, aptGet) {
  const installing = ['install', '-y', '--no-install-recommends', ...missing]
  try {
    await aptGet(...installing)
  } catch {
    // The lists may name versions that the mirror has replaced.
    await aptGet('update')
    await aptGet(...installing)
  }
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {(line: string) => void} log
 * @returns {(...args: string[]) => Promise<void>}
 */
function aptGetIn(context, log) {
  const options = {
    cwd: context.root,
    signal: context.signal,
    log,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    advice: 'apt-get could not do it; see above. Check the network and the sources of apt.',
  }
  return (...args) => run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=600', ...args], options)
}

function hasLists() {
  return existsSync(LISTS) && readdirSync(LISTS).some((name) => name.includes('_Packages'))
}

import { BuildError } from './errors.mjs'

export const USAGE = `Usage: node build.mjs [step...] [--force] [--check]

Brings the named steps, and the steps they need, up to date; without a name, all
that this host needs to run guests. A step whose inputs have not changed is skipped.

Steps: packages npm proto typescript link crates agent probe kernel base bench
       kernel:standard, kernel:pvm   one flavour of the guest kernel, whatever the host
       all                           everything, with both flavours of the kernel

  --force   run the named steps (or all of them) again, without stamps and cache
  --check   change nothing; say which steps are up to date, exit 1 when one is not
  --help    this text

Expensive results are kept in $ACTOVISOR_BUILD_CACHE, or in actovisor/build below
$XDG_CACHE_HOME or ~/.cache, and reused by other clones of the repository.
`

/**
 * Reads the arguments of build.mjs.
 * @param {string[]} argv
 */
export function parseCommandLine(argv) {
  const flags = new Set(argv.filter((word) => word.startsWith('-')))
  const options = {
    steps: argv.filter((word) => !word.startsWith('-')),
    force: flags.delete('--force'),
    check: flags.delete('--check'),
    help: [flags.delete('--help'), flags.delete('-h')].includes(true),
  }
  const [unknown] = flags
  if (unknown !== undefined)
    throw new BuildError(`unknown option ${unknown}`, 'node build.mjs --help lists them.')
  if (options.check && options.force)
    throw new BuildError('--check changes nothing, so --force means nothing with it')
  return options
}

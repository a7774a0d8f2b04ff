import { BuildError } from './errors.mjs'
import { agent } from './steps/agent.mjs'
import { base } from './steps/base.mjs'
import { bench } from './steps/bench.mjs'
import { crates } from './steps/crates.mjs'
import { kernel, kernelPvm, kernelStandard } from './steps/kernel.mjs'
import { link } from './steps/link.mjs'
import { npm } from './steps/npm.mjs'
import { packages } from './steps/packages.mjs'
import { probe } from './steps/probe.mjs'
import { proto } from './steps/proto.mjs'
import { typescript } from './steps/typescript.mjs'

/** All steps, each after those that it needs. */
export const STEPS = [
  packages,
  npm,
  proto,
  typescript,
  link,
  crates,
  agent,
  probe,
  kernel,
  kernelStandard,
  kernelPvm,
  base,
  bench,
]

/** What `all` leaves out: the flavour that the host needs is one of the two; benchmarks are no test. */
const NOT_IN_ALL = new Set([kernel.name, bench.name])
/** What a run without a name leaves out. */
const NOT_BY_DEFAULT = new Set([kernelStandard.name, kernelPvm.name, bench.name])

/**
 * The steps that a command line names, with all that they need, in order.
 * @param {readonly string[]} names
 * @param {readonly import('./runner.mjs').Step[]} [steps]
 */
export function selectSteps(names, steps = STEPS) {
  const every = steps.map((step) => step.name)
  for (const name of names) {
    if (name !== 'all' && !every.includes(name))
      throw new BuildError(`there is no step ${name}`, `The steps are: ${['all', ...every].join(' ')}`)
  }
  const named = new Set(
    names.length === 0
      ? every.filter((name) => !NOT_BY_DEFAULT.has(name))
      : names.flatMap((name) => (name === 'all' ? every.filter((other) => !NOT_IN_ALL.has(other)) : [name])),
  )
  const wanted = new Set(named)
  for (const step of steps.toReversed())
    if (wanted.has(step.name)) for (const need of step.needs) wanted.add(need)
  return steps.filter((step) => wanted.has(step.name)).map((step) => ({ step, named: named.has(step.name) }))
}

import { existsSync, readFileSync } from 'node:fs'
import { writeFileAtomic } from '../atomic.mjs'
import { run } from '../child.mjs'

const RESULT = 'artifacts/host.json'
/** In a process of its own: a native crash on a strange host shall not take the build down. */
const ASK = `
const addon = require(process.argv[1])
try { console.log('probe ' + JSON.stringify(addon.probeHost())) }
catch (error) { console.log('probe ' + JSON.stringify({ code: error.code ?? null, message: error.message })) }`

/** @type {import('../runner.mjs').Step} */
export const probe = {
  name: 'probe',
  summary: 'what kind of KVM this host has',
  needs: ['npm', 'crates'],
  always: true,
  inputs: async () => ({ files: [] }),
  outputs: (context) => [context.path(RESULT)],
  async run(context, { log }) {
    let answer = ''
    const addon = context.path('dist/native/actovisor.linux-x64-gnu.node')
    await run(context.path('node_modules/.bin/node'), ['-e', ASK, addon], {
      cwd: context.root,
      signal: context.signal,
      log: (line) => {
        log(line)
        if (line.startsWith('probe ')) answer = line.slice('probe '.length)
      },
    })
    writeFileAtomic(context.path(RESULT), `${answer}\n`)
    const { hostClass, flavour, message } = JSON.parse(answer)
    if (message === undefined) return `${hostClass}, kernel flavour ${flavour}`
    return `no guest can run here now: ${message}`
  },
}

/**
 * The kernel flavour of the host by the last probe; that of ordinary KVM where there is
 * no KVM, for another machine may run what is built here. Null before the first probe.
 * @param {import('../context.mjs').Context} context
 * @returns {'standard' | 'pvm' | null}
 */
export function probedFlavour(context) {
  if (!existsSync(context.path(RESULT))) return null
  return JSON.parse(readFileSync(context.path(RESULT), 'utf8')).flavour ?? 'standard'
}

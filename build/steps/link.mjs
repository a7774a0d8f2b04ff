import { lstatSync, mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs'
import { besides } from '../atomic.mjs'

const COMMAND = 'node_modules/.bin/actovisor'
const TARGET = '../../dist/lib/cli.js'

/**
 * Lets the scripts of package.json call the tool of this very package by its name, as
 * they call those of its dependencies.
 * @type {import('../runner.mjs').Step}
 */
export const link = {
  name: 'link',
  summary: 'the command actovisor in node_modules/.bin',
  needs: ['npm', 'typescript'],
  inputs: async () => ({ files: [], values: { target: TARGET } }),
  outputs: (context) => [context.path(COMMAND)],
  async run(context) {
    const path = context.path(COMMAND)
    mkdirSync(context.path('node_modules/.bin'), { recursive: true })
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(path) === TARGET) return
    const temporary = besides(path)
    symlinkSync(TARGET, temporary)
    renameSync(temporary, path)
  },
}

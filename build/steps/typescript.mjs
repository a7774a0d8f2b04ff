import { chmodSync, readdirSync, readFileSync, rmSync, rmdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { besides, writeFileAtomic } from '../atomic.mjs'
import { run } from '../child.mjs'
import { compileBundles, compileModules } from '../esbuild.mjs'
import { listFiles } from '../inputs.mjs'

/** Folders whose sources become one output file each. */
const MODULES = ['src', 'test', 'bench', 'examples']
/** Worker entries are bundled: each worker loads its code anew, and unbundled that takes 200 ms. */
const BUNDLES = ['workers']
/** What the outputs of the command line tool need for the shell to start them. */
const COMMAND = 'src/cli/main.js'

/** @type {import('../runner.mjs').Step} */
export const typescript = {
  name: 'typescript',
  summary: 'type check, declarations, JavaScript',
  needs: ['npm', 'proto'],
  inputs: async (context) => ({
    files: [
      ...sources(context, [...MODULES, ...BUNDLES]),
      ...['tsconfig.json', 'package.json', 'package-lock.json', 'build'].map(context.path),
    ],
  }),
  outputs: (context) =>
    [...MODULES, ...BUNDLES, 'types']
      .map((folder) => join('dist', folder))
      .map(context.path)
      .filter((path) => listFiles(path).length > 0),
  async run(context, { log }) {
    const types = await declarations(context, log)
    const code = [
      ...(await compileModules(context, sources(context, MODULES))),
      ...(await compileBundles(context, sources(context, BUNDLES))),
    ]
    const written = new Map([...types, ...code].map(({ path, contents }) => [path, contents]))
    for (const [path, contents] of written) writeFileAtomic(path, contents)
    for (const folder of [...MODULES, ...BUNDLES, 'types'])
      removeOthers(context.path(join('dist', folder)), written)
    if (written.has(context.path(join('dist', COMMAND))))
      chmodSync(context.path(join('dist', COMMAND)), 0o755)
    return `${code.filter(({ path }) => path.endsWith('.js')).length} files`
  },
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {readonly string[]} folders
 */
function sources(context, folders) {
  return folders.flatMap((folder) => listFiles(context.path(folder))).filter((path) => path.endsWith('.ts'))
}

/**
 * Runs the type checker, which also writes the declarations.
 * @param {import('../context.mjs').Context} context
 * @param {(line: string) => void} log
 */
async function declarations(context, log) {
  const target = context.path('dist/types')
  const temporary = besides(target)
  try {
    await run(context.path('node_modules/.bin/tsc'), ['-p', '.', '--noEmitOnError', '--outDir', temporary], {
      cwd: context.root,
      signal: context.signal,
      log,
      advice: 'Mend the types named above, then run this again.',
    })
    return listFiles(temporary).map((path) => ({
      path: join(target, relative(temporary, path)),
      contents: readFileSync(path),
    }))
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/**
 * Deletes the outputs of sources that are gone.
 * @param {string} folder
 * @param {ReadonlyMap<string, unknown>} written
 */
function removeOthers(folder, written) {
  for (const path of listFiles(folder)) {
    if (written.has(path)) continue
    rmSync(path)
    for (
      let parent = dirname(path);
      parent !== folder && readdirSync(parent).length === 0;
      parent = dirname(parent)
    )
      rmdirSync(parent)
  }
}

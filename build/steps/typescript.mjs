import { chmodSync, readdirSync, rmSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '../atomic.mjs'
import { run } from '../child.mjs'
import { compileBundles, compileLibrary, compileModules } from '../esbuild.mjs'
import { listFiles } from '../inputs.mjs'

/** Folders whose sources become one output file each. */
const MODULES = ['src', 'test', 'bench', 'examples']
/** Worker entries are bundled: each worker loads its code anew, and unbundled that takes 200 ms. */
const BUNDLES = ['workers']
/** What package.json exports, and its command. */
const LIBRARY = { index: 'src/index.ts', promises: 'src/promises.ts', cli: 'src/cli/main.ts' }
/** Outputs that the shell starts. */
const COMMANDS = ['src/cli/main.js', 'lib/cli.js']
/** How the compiler announces a file that it wrote. */
const EMITTED = 'TSFILE: '

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
    [...MODULES, ...BUNDLES, 'lib', 'types']
      .map((folder) => join('dist', folder))
      .map(context.path)
      .filter((path) => listFiles(path).length > 0),
  async run(context, { log }) {
    const types = await declarations(context, log)
    const code = [
      ...(await compileModules(context, sources(context, MODULES))),
      ...(await compileBundles(context, sources(context, BUNDLES))),
      ...(await compileLibrary(context, LIBRARY)),
    ]
    for (const { path, contents } of code) writeFileAtomic(path, contents)
    const written = new Set([...types, ...code.map(({ path }) => path)])
    for (const folder of [...MODULES, ...BUNDLES, 'lib', 'types'])
      removeOthers(context.path(join('dist', folder)), written)
    for (const path of COMMANDS.map((command) => context.path(join('dist', command))))
      if (written.has(path)) chmodSync(path, 0o755)
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
 * Runs the type checker, which also writes the declarations; answers their paths.
 * @param {import('../context.mjs').Context} context
 * @param {(line: string) => void} log
 */
async function declarations(context, log) {
  /** @type {string[]} */
  const paths = []
  // Straight to where they belong: the package's own name in imports is resolved through that place.
  await run(context.path('node_modules/.bin/tsc'), ['-p', '.', '--noEmitOnError', '--listEmittedFiles'], {
    cwd: context.root,
    signal: context.signal,
    log: (line) => (line.startsWith(EMITTED) ? paths.push(line.slice(EMITTED.length)) : log(line)),
    advice: 'Mend the types named above, then run this again.',
  })
  return paths
}

/**
 * Deletes the outputs of sources that are gone.
 * @param {string} folder
 * @param {ReadonlySet<string>} written
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

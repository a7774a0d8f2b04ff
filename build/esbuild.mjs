import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** @typedef {import('./context.mjs').Context} Context */
/** @typedef {{ path: string, contents: Uint8Array }} Output */

/**
 * Compiles each source to a file of its own, with `./x.ts` in imports turned into `./x.js`.
 * @param {Context} context
 * @param {readonly string[]} sources
 * @returns {Promise<Output[]>}
 */
export function compileModules(context, sources) {
  return compile(context, sources, { plugins: [externalImports(context)] })
}

/**
 * Compiles each source to one file with everything that it imports.
 * @param {Context} context
 * @param {readonly string[]} sources
 * @returns {Promise<Output[]>}
 */
export function compileBundles(context, sources) {
  return compile(context, sources, { external: ['*.node'] })
}

/**
 * Compiles what the package exports to `dist/lib`, with what it imports: unbundled, effect alone takes half a
 * second and 15 MiB. Parts that several entries need are shared, so that an error is of the same class
 * whichever of them it came from.
 * @param {Context} context
 * @param {Record<string, string>} entries source by name
 * @returns {Promise<Output[]>}
 */
export function compileLibrary(context, entries) {
  // Piscina finds its worker beside itself; callers may compare with the classes of the others.
  const external = ['*.node', 'piscina', 'comlink', 'neverthrow']
  const lib = context.path('dist/lib')
  return compile(context, entries, { external, splitting: true, outdir: lib, chunkNames: 'shared/[hash]' })
}

/**
 * @param {Context} context
 * @param {readonly string[] | Record<string, string>} entryPoints
 * @param {Record<string, unknown>} options
 */
async function compile(context, entryPoints, options) {
  if (Object.keys(entryPoints).length === 0) return []
  // Not a static import: this file is loaded before the packages are installed.
  const { build } = await import(pathToFileURL(context.path('node_modules/esbuild/lib/main.js')).href)
  const { outputFiles } = await build({
    absWorkingDir: context.root,
    entryPoints,
    outdir: context.path('dist'),
    outbase: context.root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    sourcemap: 'linked',
    sourcesContent: false,
    keepNames: false,
    charset: 'utf8',
    write: false,
    logLevel: 'silent',
    ...options,
  })
  return outputFiles
}

/**
 * Leaves every import outside, under the name that the built files have.
 * @param {Context} context
 */
function externalImports(context) {
  return {
    name: 'external-imports',
    /** @param {any} build */
    setup(build) {
      build.onResolve({ filter: /.*/ }, (/** @type {any} */ { kind, path, resolveDir }) => {
        if (kind === 'entry-point') return undefined
        return { path: rename(context, path, resolveDir), external: true }
      })
    },
  }
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {string} resolveDir folder of the importing source
 */
function rename(context, path, resolveDir) {
  if (!path.startsWith('.')) return path
  if (path.endsWith('.ts')) return `${path.slice(0, -3)}.js`
  // What is not compiled, such as the build itself in its tests, stays where it is.
  const outputDir = join(context.root, 'dist', relative(context.root, resolveDir))
  const outside = relative(outputDir, resolve(resolveDir, path))
  return dirname(outside) === '.' ? `./${outside}` : outside
}

import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { BuildError } from './errors.mjs'

/**
 * Loads the recipe of a part of the product; null when the repository has none.
 * @param {import('./context.mjs').Context} context
 * @param {string} path
 * @returns {Promise<Record<string, any> | null>}
 */
export async function optionalModule(context, path) {
  return existsSync(context.path(path)) ? import(pathToFileURL(context.path(path)).href) : null
}

/**
 * Loads the recipe of a part of the product.
 * @param {import('./context.mjs').Context} context
 * @param {string} path
 */
export async function requiredModule(context, path) {
  const module = await optionalModule(context, path)
  if (module === null)
    throw new BuildError(`${path} is missing`, 'This clone is incomplete: git status shows what was deleted.')
  return module
}

/**
 * The inputs that a recipe names, as absolute paths, together with the recipe itself.
 * @param {import('./context.mjs').Context} context
 * @param {string} path
 * @param {...unknown} args of the recipe's `inputs`
 * @returns {Promise<import('./inputs.mjs').Inputs>}
 */
export async function recipeInputs(context, path, ...args) {
  const module = await requiredModule(context, path)
  const named = typeof module['inputs'] === 'function' ? await module['inputs'](...args) : module['inputs']
  const { files, values = {} } = Array.isArray(named) ? { files: named } : named
  return { files: [path, ...files].map((file) => (file.startsWith('/') ? file : context.path(file))), values }
}

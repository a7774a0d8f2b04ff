import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
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
 * The inputs that a recipe names, together with the recipe itself: a list, or a function
 * that gives one, of paths from the repository (`{ file }`) and of texts (`{ text }`).
 * @param {import('./context.mjs').Context} context
 * @param {string} path
 * @param {...unknown} args of the recipe's `inputs`
 * @returns {Promise<import('./inputs.mjs').Inputs>}
 */
export async function recipeInputs(context, path, ...args) {
  const { inputs } = await requiredModule(context, path)
  /** @type {readonly (string | { file?: string, text?: string })[]} */
  const named = typeof inputs === 'function' ? await inputs(...args) : inputs
  const entries = named.map((entry) => (typeof entry === 'string' ? { file: entry } : entry))
  return {
    files: [path, ...entries.flatMap(({ file }) => file ?? [])].map((file) => resolve(context.root, file)),
    values: { texts: entries.flatMap(({ text }) => text ?? []).join('\n') },
  }
}

import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What every step is given.
 * @typedef {object} Context
 * @property {string} root the repository
 * @property {(relative: string) => string} path a path below the repository
 * @property {string} cacheDir results shared by all clones on this machine
 * @property {AbortSignal} signal
 * @property {boolean} force
 */

/**
 * Finds the folders of a build.
 * @param {{ signal: AbortSignal, force?: boolean, root?: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Context}
 */
export function createContext({ signal, force = false, root = repository(), env = process.env }) {
  return { root, path: (relative) => join(root, relative), cacheDir: cacheDir(env), signal, force }
}

function repository() {
  return dirname(dirname(fileURLToPath(import.meta.url)))
}

/** @param {NodeJS.ProcessEnv} env */
function cacheDir(env) {
  if (env['ACTOVISOR_BUILD_CACHE']) return resolve(env['ACTOVISOR_BUILD_CACHE'])
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'actovisor', 'build')
}

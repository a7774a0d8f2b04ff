import { join } from 'node:path'
import { capture } from './child.mjs'
import { BuildError } from './errors.mjs'

const HOW_TO_INSTALL = `Install Rust 1.88 or later with rustup (https://rustup.rs):

  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy -c rustfmt

and open a new shell, or put ~/.cargo/bin into PATH.`
const OLDEST = { major: 1, minor: 88 }

/**
 * Versions of the Rust tools, for the inputs of a step; what to do when they are missing or old.
 * @returns {Promise<Record<string, string>>}
 */
export async function rustVersions() {
  const [rustc, cargo] = await Promise.all([capture('rustc', ['-vV']), capture('cargo', ['-V'])])
  if (rustc === null || cargo === null)
    throw new BuildError('there is no Rust: cannot run rustc and cargo', HOW_TO_INSTALL)
  const [major = 0, minor = 0] = (/^rustc (\d+)\.(\d+)/.exec(rustc) ?? []).slice(1).map(Number)
  if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor))
    throw new BuildError(`rustc is too old: ${rustc.split('\n')[0]}`, 'Run: rustup update stable')
  if (!rustc.includes('host: x86_64-unknown-linux-gnu'))
    throw new BuildError(
      `rustc is for another host: ${/host: .*/.exec(rustc)?.[0] ?? 'unknown'}`,
      'Run: rustup default stable-x86_64-unknown-linux-gnu',
    )
  return { rustc, cargo }
}

/**
 * Where cargo keeps its intermediate results: shared by all clones, so that a fresh
 * one does not compile the dependencies again.
 * @param {import('./context.mjs').Context} context
 * @param {string} workspace
 */
export function targetDir(context, workspace) {
  return join(context.cacheDir, 'cargo', workspace)
}

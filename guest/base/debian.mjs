import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BuildError } from '../../build/errors.mjs'

const run = promisify(execFile)

// A mirror that answers at all is done with these few megabytes in seconds.
const TIMEOUT_MS = 300_000

/**
 * Downloads Debian packages through apt, which checks them against its signed lists, and unpacks them.
 * @param {{ names: readonly string[], debs: string, unpacked: string, log: (line: string) => void, signal?: AbortSignal }} options
 * @returns {Promise<{ name: string, version: string }[]>}
 */
export async function fetchPackages({ names, debs, unpacked, log, signal }) {
  mkdirSync(debs, { recursive: true })
  const options = { cwd: debs, timeout: TIMEOUT_MS, ...(signal && { signal }) }
  // Elsewhere: apt does not name a file that already is in its folder.
  const wanted = await locate(names, { ...options, cwd: '/' })
  const missing = wanted.filter((deb) => !isWhole(join(debs, deb.file), deb))
  if (missing.length > 0) {
    log(`downloading ${missing.map(({ name }) => name).join(' ')}`)
    await apt([...APT, 'download', ...missing.map(({ name }) => name)], options)
  }
  for (const deb of wanted) {
    const path = join(debs, deb.file)
    if (!isWhole(path, deb)) throw new BuildError(`${path} is not what the lists of apt say`, ADVICE)
    await run('dpkg-deb', ['--extract', path, unpacked], options)
  }
  return wanted.map(({ name, version }) => ({ name, version }))
}

// Without this, apt as root warns that its own user cannot write here.
const APT = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []
const ADVICE = 'Refresh the lists of apt, then run this again:\n\n  sudo apt-get update\n'

/**
 * Asks apt which file each package is, without fetching it.
 * @param {readonly string[]} names
 * @param {object} options
 */
async function locate(names, options) {
  const lines = (await apt([...APT, 'download', '--print-uris', ...names], options)).trim().split('\n')
  return names.map((name) => {
    const line = lines.find((text) => text.includes(` ${name}_`)) ?? ''
    const match = /^'[^']*' (\S+_(\S+)_\w+\.deb) (\d+) SHA256:([a-f0-9]{64})$/.exec(line)
    const [, file, version, size, sha256] = match ?? []
    if (file === undefined || version === undefined || sha256 === undefined) {
      throw new BuildError(`apt does not say where ${name} is: ${JSON.stringify(line)}`, ADVICE)
    }
    return { name, file, version: decodeURIComponent(version), size: Number(size), sha256 }
  })
}

/**
 * @param {string} path
 * @param {{ size: number, sha256: string }} deb
 */
function isWhole(path, { size, sha256 }) {
  if (!existsSync(path)) return false
  const bytes = readFileSync(path)
  return bytes.length === size && createHash('sha256').update(bytes).digest('hex') === sha256
}

/**
 * @param {string[]} args
 * @param {object} options
 */
async function apt(args, options) {
  try {
    return (await run('apt-get', ['-q', ...args], { ...options, encoding: 'utf8' })).stdout
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    throw new BuildError(`apt-get cannot download packages of the base image`, ADVICE, {
      cause: error,
      output,
    })
  }
}

import { execFile } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { directories, fromPackages, links, texts, user } from './files.mjs'
import { tar } from './tar.mjs'

/** @typedef {import('./tar.mjs').Entry} Entry */

const run = promisify(execFile)
const CERTIFICATES = 'usr/share/ca-certificates/mozilla'
const MASTERS = 'usr/share/base-passwd'

/**
 * Puts the root file system together from unpacked packages; times are those of the packages,
 * and of the newest file for what no package holds.
 * @param {string} unpacked
 * @param {readonly string[]} packages
 */
export async function assemble(unpacked, packages) {
  const copied = [...copies(unpacked), ...copyrights(unpacked, packages)]
  const created = Math.max(...copied.map(({ mtime }) => mtime))
  const made = [...ownFiles(unpacked, created), ...ownLinks(created)]
  const files = [...copied, ...made]
  const entries = [...directoriesOf(files, created), ...files].sort((a, b) => (a.path < b.path ? -1 : 1))
  // After the file that they are links to.
  return { archive: tar([...entries, ...(await applets(unpacked, files, created))]), created }
}

/** @param {string} unpacked */
function copies(unpacked) {
  return Object.entries(fromPackages).map(([path, source]) => copy(unpacked, path, source))
}

/**
 * The licences of what is in the image.
 * @param {string} unpacked
 * @param {readonly string[]} packages
 */
function copyrights(unpacked, packages) {
  return packages.map((name) =>
    copy(unpacked, `usr/share/doc/${name}/copyright`, `usr/share/doc/${name}/copyright`),
  )
}

/**
 * @param {string} unpacked
 * @param {string} path
 * @param {string} source
 * @returns {Entry}
 */
function copy(unpacked, path, source) {
  const from = join(unpacked, source)
  const { mode, mtimeMs } = lstatSync(from)
  return {
    path,
    type: 'file',
    mode: mode & 0o7777,
    mtime: Math.floor(mtimeMs / 1000),
    content: readFileSync(from),
  }
}

/**
 * @param {string} unpacked
 * @param {number} mtime
 * @returns {Entry[]}
 */
function ownFiles(unpacked, mtime) {
  const master = (/** @type {string} */ name) =>
    readFileSync(join(unpacked, MASTERS, `${name}.master`), 'utf8')
  const account = `${user.name}:*:${user.id}:${user.id}:${user.name}:/${user.home}:/bin/bash\n`
  const files = {
    ...texts,
    'etc/passwd': master('passwd') + account,
    'etc/group': `${master('group')}${user.name}:*:${user.id}:\n`,
    'etc/ssl/certs/ca-certificates.crt': certificates(unpacked),
  }
  return Object.entries(files).map(([path, text]) => ({
    path,
    type: 'file',
    mode: 0o644,
    mtime,
    content: Buffer.from(text),
  }))
}

/**
 * All authorities that the package trusts, in one file, as its own script would write it.
 * @param {string} unpacked
 */
function certificates(unpacked) {
  const names = readdirSync(join(unpacked, CERTIFICATES)).filter((name) => name.endsWith('.crt'))
  return names
    .sort()
    .map((name) => `${readFileSync(join(unpacked, CERTIFICATES, name), 'utf8').trimEnd()}\n`)
    .join('')
}

/**
 * @param {number} mtime
 * @returns {Entry[]}
 */
function ownLinks(mtime) {
  return Object.entries(links).map(([path, target]) => ({
    path,
    type: 'symlink',
    mode: 0o777,
    mtime,
    target,
  }))
}

/**
 * @param {readonly Entry[]} files
 * @param {number} mtime
 * @returns {Entry[]}
 */
function directoriesOf(files, mtime) {
  /** @type {Map<string, number>} */
  const modes = new Map([
    ['usr/bin', 0o755],
    ['usr/sbin', 0o755],
    ['sbin', 0o755],
    ['var', 0o755],
  ])
  for (const below of [...files.map(({ path }) => path), ...Object.keys(directories)]) {
    for (let parent = dirname(below); parent !== '.'; parent = dirname(parent)) modes.set(parent, 0o755)
  }
  for (const [path, mode] of Object.entries(directories)) modes.set(path, mode)
  const entries = [...modes].map(
    ([path, mode]) => /** @type {Entry} */ ({ path, type: 'directory', mode, mtime }),
  )
  return [...entries, { path: user.home, type: 'directory', mode: 0o755, mtime, owner: user.id }]
}

/**
 * The commands of busybox as hard links: one inode for all, and no link to follow at exec.
 * @param {string} unpacked
 * @param {readonly Entry[]} files
 * @param {number} mtime
 * @returns {Promise<Entry[]>}
 */
async function applets(unpacked, files, mtime) {
  const { stdout } = await run(join(unpacked, 'bin/busybox'), ['--list-full'])
  const taken = new Set(files.map(({ path }) => path))
  const paths = stdout.split('\n').filter((path) => /^(?:usr\/)?s?bin\//.test(path) && !taken.has(path))
  if (paths.length === 0) throw new Error('busybox lists no commands')
  return paths.sort().map((path) => ({ path, type: 'hardlink', mode: 0o755, mtime, target: 'bin/busybox' }))
}

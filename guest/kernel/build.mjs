// Builds the guest kernel of one flavour from Debian's kernel source package.
// Needs nothing but Node and the Debian packages named in `packages`.

import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { extractSource } from './source.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const sourcePackage = 'linux-source-6.12'

export const flavours = ['standard', 'pvm']

/** Debian packages a build needs. */
export const packages = [
  sourcePackage,
  'bc',
  'binutils',
  'bison',
  'flex',
  'gcc',
  'libc6-dev',
  'libelf-dev',
  'make',
  'patch',
  'perl',
  'xz-utils',
]

/**
 * What decides the result of `build`: files, by path, and texts.
 * @param {string} flavour
 * @returns {({file: string} | {text: string})[]}
 */
export function inputs(flavour) {
  checkFlavour(flavour)
  return [
    { text: `flavour ${flavour}` },
    { text: `${sourcePackage} ${packageVersion(sourcePackage)}` },
    { text: `gcc ${packageVersion('gcc')}` },
    ...['build.mjs', 'source.mjs'].map((name) => ({ file: join(here, name) })),
    ...configFiles(flavour).map((file) => ({ file })),
    ...patchFiles(flavour).map((file) => ({ file })),
  ]
}

/**
 * Builds `vmlinux` of a flavour and puts it into `output` with its `System.map`
 * and `config`. `workDir` holds the source tree and may be kept: the next build
 * compiles only what changed. Interrupted, it can be repeated. One build at a time
 * may use a `workDir`.
 * @param {{flavour: string, workDir: string, output: string, jobs: number,
 *   log: (line: string) => void, signal?: AbortSignal}} options
 */
export async function build({ flavour, workDir, output, jobs, log, signal }) {
  checkFlavour(flavour)
  if (process.arch !== 'x64') {
    throw new Error(`The guest kernel is built on x86-64 only, and this machine is ${process.arch}.`)
  }
  mkdirSync(workDir, { recursive: true })
  const run = (command, args, options) => runCommand(command, args, { ...options, signal })
  const tree = await prepareTree({ flavour, workDir, log, run })
  await configure({ flavour, tree, log, run })
  await compile({ tree, jobs, log, run })
  install({ tree, output })
  log(`kernel ${flavour}: ${join(output, 'vmlinux')}`)
}

function checkFlavour(flavour) {
  if (!flavours.includes(flavour)) {
    throw new Error(`Expected a kernel flavour of ${flavours.join(', ')}, got ${JSON.stringify(flavour)}.`)
  }
}

function packageVersion(name) {
  try {
    return execFileSync('dpkg-query', ['-W', '-f=${Version}', name], { encoding: 'utf8' }).trim()
  } catch {
    throw new Error(`The Debian package ${name} is not installed: apt-get install ${packages.join(' ')}`)
  }
}

function configFiles(flavour) {
  return ['base', flavour].map((name) => join(here, 'config', `${name}.config`))
}

function patchFiles(flavour) {
  return ['common', flavour].flatMap((folder) => {
    const path = join(here, 'patches', folder)
    if (!existsSync(path)) return []
    const names = readdirSync(path).filter((name) => name.endsWith('.patch'))
    return names.sort().map((name) => join(path, name))
  })
}

// The tree carries a stamp of what it was made from, written before the rename
// that makes it visible: a tree without it, or with another, is made again.
async function prepareTree({ flavour, workDir, log, run }) {
  const tree = join(workDir, `linux-${flavour}`)
  const stamp = join(tree, '.actovisor-stamp')
  const wanted = sourceHash(flavour)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return tree

  const fresh = join(workDir, `linux-${flavour}.partial`)
  rmSync(fresh, { recursive: true, force: true })
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(fresh)
  log(`kernel ${flavour}: unpacking ${sourcePackage} ${packageVersion(sourcePackage)}`)
  await extractSource({ tarball: `/usr/src/${sourcePackage}.tar.xz`, directory: fresh, run })
  for (const patch of patchFiles(flavour)) {
    log(`kernel ${flavour}: applying ${basename(patch)}`)
    await run('patch', ['-p1', '--forward', '--fuzz=0', '--silent', '-i', patch], { cwd: fresh })
  }
  writeFileSync(join(fresh, '.actovisor-stamp'), wanted)
  renameSync(fresh, tree)
  return tree
}

function sourceHash(flavour) {
  const hash = createHash('sha256')
  hash.update(`${sourcePackage} ${packageVersion(sourcePackage)}\n`)
  for (const file of [join(here, 'source.mjs'), ...patchFiles(flavour)]) hash.update(readFileSync(file))
  return hash.digest('hex')
}

async function configure({ flavour, tree, log, run }) {
  log(`kernel ${flavour}: configuring`)
  const fragment = configFiles(flavour)
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
  writeFileSync(join(tree, '.actovisor-fragment'), fragment)
  await run('make', ['ARCH=x86_64', 'allnoconfig', 'KCONFIG_ALLCONFIG=.actovisor-fragment'], { cwd: tree })
  const refused = unsatisfied(fragment, readFileSync(join(tree, '.config'), 'utf8'))
  if (refused.length > 0) {
    throw new Error(
      `The kernel's configuration refused these lines (a dependency is missing): ${refused.join(', ')}`,
    )
  }
}

// Lines of the fragment that the configuration made from it does not have; a
// later line for the same symbol wins.
function unsatisfied(fragment, config) {
  const wanted = new Map()
  for (const [, name, value] of fragment.matchAll(/^(CONFIG_\w+)=(.*)$/gm)) wanted.set(name, value)
  const got = new Map()
  for (const [, name, value] of config.matchAll(/^(CONFIG_\w+)=(.*)$/gm)) got.set(name, value)
  return [...wanted].filter(([name, value]) => (got.get(name) ?? 'n') !== value).map((pair) => pair.join('='))
}

// The build's user, host and time are fixed so that equal inputs give equal kernels.
async function compile({ tree, jobs, log, run }) {
  let objects = 0
  let shown = Date.now()
  const onLine = (line) => {
    if (/^\s+(CC|AS)\s/.test(line)) objects += 1
    if (Date.now() - shown < 5000) return
    shown = Date.now()
    log(`kernel: ${objects} objects, ${line.trim()}`)
  }
  await run('make', ['ARCH=x86_64', `-j${jobs}`, 'vmlinux'], {
    cwd: tree,
    onLine,
    env: {
      KBUILD_BUILD_USER: 'actovisor',
      KBUILD_BUILD_HOST: 'actovisor',
      KBUILD_BUILD_VERSION: '1',
      KBUILD_BUILD_TIMESTAMP: 'Thu Jan  1 00:00:00 UTC 1970',
    },
  })
}

function install({ tree, output }) {
  mkdirSync(output, { recursive: true })
  const partial = (name) => join(output, `.${name}.${process.pid}`)
  execFileSync('strip', ['--strip-all', '-o', partial('vmlinux'), join(tree, 'vmlinux')])
  copyFileSync(join(tree, 'System.map'), partial('System.map'))
  copyFileSync(join(tree, '.config'), partial('config'))
  for (const name of ['System.map', 'config', 'vmlinux']) renameSync(partial(name), join(output, name))
}

const tailLines = 40

// Runs a command to its end; a failure carries the last lines it printed.
function runCommand(command, args, { cwd, signal, env = {}, onLine = () => {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, LC_ALL: 'C', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    })
    const tail = []
    const take = (stream) => {
      let rest = ''
      stream.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          tail.push(line)
          if (tail.length > tailLines) tail.shift()
          onLine(line)
        }
      })
    }
    take(child.stdout)
    take(child.stderr)
    const stop = () => child.kill()
    process.once('exit', stop)
    child.once('error', (error) => {
      process.off('exit', stop)
      if (signal?.aborted) return reject(signal.reason)
      reject(new Error(`${command} could not be started: ${error.message}`, { cause: error }))
    })
    child.once('close', (code, killedBy) => {
      process.off('exit', stop)
      if (code === 0) return resolve()
      const how = code === null ? `was killed by ${killedBy}` : `ended with exit code ${code}`
      reject(new Error(`${command} ${args.join(' ')} ${how} in ${cwd}. Last lines:\n${tail.join('\n')}`))
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [flavour = '', workDir, output] = process.argv.slice(2)
  if (!workDir || !output) {
    process.stderr.write('usage: node build.mjs standard|pvm WORK_DIRECTORY OUTPUT_DIRECTORY\n')
    process.exit(2)
  }
  const { availableParallelism } = await import('node:os')
  await build({
    flavour,
    workDir,
    output,
    jobs: availableParallelism(),
    log: (line) => process.stdout.write(`${line}\n`),
  })
}

// Sets the whole project up, step by step, with nothing but Node: `node build.mjs --help`.
const OLDEST = [20, 11]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  process.stderr.write(`build.mjs needs Node ${OLDEST.join('.')} or later to begin with; this is ${process.version}\n`)
  process.exit(1)
}

const { main } = await import('./build/main.mjs')
process.exitCode = await main(process.argv.slice(2))

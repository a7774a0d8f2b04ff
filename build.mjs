// Sets the whole project up, step by step, with nothing but Node: `node build.mjs --help`.
const OLDEST = { major: 20, minor: 11 }
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
  process.stderr
    .write(`build.mjs needs Node ${OLDEST.major}.${OLDEST.minor} or later to begin with; this is ${process.version}
`)
  process.exit(1)
}

const { main } = await import('./build/main.mjs')
process.exit(await main(process.argv.slice(2)))

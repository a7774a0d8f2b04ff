// Runs the tests of the built project: `npm test [-- part-of-a-path...]`.
import { main } from './runner/main.mjs'

process.exitCode = await main(process.argv.slice(2))

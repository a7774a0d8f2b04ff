// Runs all linters: `npm run lint`.
import { createContext } from '../build/context.mjs'
import { CHECKS, runCheck } from './runner/lint.mjs'
import { print } from './runner/result.mjs'

const context = createContext({ signal: new AbortController().signal })
for (const check of CHECKS) {
  const result = await runCheck(check, context)
  print(result)
  if (result.failed > 0) process.exitCode = 1
}

import { runChild } from './child.mjs'
import { NOTHING } from './result.mjs'

/**
 * Runs one test file in a process of its own: a native crash then costs one file.
 * @param {import('./discover.mjs').TestFile} file
 * @param {import('../../build/context.mjs').Context} context
 * @returns {Promise<import('./result.mjs').Result>}
 */
export async function runTestFile({ name, path, deadlineSeconds }, context) {
  const ended = await runChild(context.path('node_modules/.bin/node'), ['--enable-source-maps', path], {
    cwd: context.root,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ACTOVISOR_TEST_REPORT_FD: '3' },
    signal: context.signal,
    deadlineSeconds,
  })
  return judge(name, ended)
}

/**
 * Reads the summary that uvu prints. A file fails in other ways than by a failed test:
 * it dies, hangs, or forgets to run its suite, which uvu takes for success.
 * @param {string} name
 * @param {Awaited<ReturnType<typeof runChild>>} ended
 * @returns {import('./result.mjs').Result}
 */
export function judge(name, { code, end, output, report, seconds }) {
  const [total, passed, skipped] = ['Total', 'Passed', 'Skipped'].map((word) =>
    Number(new RegExp(`^ {2}${word}: +(\\d+)$`, 'm').exec(output)?.[1] ?? Number.NaN),
  )
  const skips = report
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const result = {
    ...NOTHING,
    name,
    seconds,
    kvmSkipped: skips.length,
    reasons: [...new Set(skips.map(({ reason }) => reason))],
  }
  if (
    total === undefined ||
    passed === undefined ||
    skipped === undefined ||
    Number.isNaN(total + passed + skipped)
  )
    return {
      ...result,
      failed: 1,
      output: `${output}\n${end || `exit code ${code}`} before the tests had ended`,
    }
  const counted = { ...result, passed, failed: total - passed, skipped }
  if (end !== '' || (code !== 0 && total === passed))
    return {
      ...counted,
      failed: total - passed + 1,
      output: `${output}\nthe tests ended, then the process ${end || `exited with ${code}`}`,
    }
  if (total + skipped === 0)
    return { ...counted, failed: 1, output: `${output}\nthe file ran no test: does it call run()?` }
  if (skipped > 0 && skips.length < skipped)
    return { ...counted, reasons: [...result.reasons, 'by the test itself'], output }
  return { ...counted, output }
}

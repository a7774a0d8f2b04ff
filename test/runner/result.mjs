/**
 * What a test file, a cargo workspace or a check came to.
 * @typedef {object} Result
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {number} kvmSkipped how many of the skipped ones lacked KVM
 * @property {readonly string[]} reasons why tests were skipped, each once
 * @property {number} seconds
 * @property {string} output shown whole when something failed
 */

/** @type {Result} */
export const NOTHING = {
  name: '',
  passed: 0,
  failed: 0,
  skipped: 0,
  kvmSkipped: 0,
  reasons: [],
  seconds: 0,
  output: '',
}

/**
 * @param {Result} a
 * @param {Result} b
 * @returns {Result}
 */
export function add(a, b) {
  return {
    ...NOTHING,
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    kvmSkipped: a.kvmSkipped + b.kvmSkipped,
  }
}

/**
 * Prints one line, and all of the output of what failed.
 * @param {Result} result
 */
export function print({ name, passed, failed, skipped, reasons, seconds, output }) {
  if (name === '') return
  const counts = [
    `${passed} passed`,
    failed > 0 ? `${failed} failed` : '',
    skipped > 0 ? `${skipped} skipped` : '',
  ].filter(Boolean)
  const lines = [`${failed > 0 ? '✗' : '✓'} ${name} (${counts.join(', ')}, ${seconds.toFixed(1)} s)`]
  for (const reason of reasons) lines.push(`    skipped: ${reason}`)
  if (failed > 0) lines.push(output.trimEnd().replace(/^/gm, '    '), '')
  process.stdout.write(`${lines.join('\n')}\n`)
}

import { accessSync, constants, existsSync, writeSync } from 'node:fs'
import type { uvu } from 'uvu'

/** Names the descriptor on which the test runner listens for what uvu does not say. */
const REPORT_FD = 'ACTOVISOR_TEST_REPORT_FD'
const KVM = '/dev/kvm'

/**
 * Makes a suite one whose tests need /dev/kvm: `const test = needsKvm(suite('boot'))`.
 * Where it cannot be used they are skipped, hooks and all, and the runner is told why.
 */
export function needsKvm<T>(suite: uvu.Test<T>): uvu.Test<T> {
  const reason = kvmMissing()
  return reason === null ? suite : skipping(suite, reason)
}

/** Why /dev/kvm cannot be used by this process, or null when it can. */
export function kvmMissing(): string | null {
  if (!existsSync(KVM)) return `there is no ${KVM}`
  try {
    accessSync(KVM, constants.R_OK | constants.W_OK)
    return null
  } catch (error) {
    return `${KVM} cannot be opened: ${error instanceof Error ? error.message : String(error)}`
  }
}

function skipping<T>(suite: uvu.Test<T>, reason: string): uvu.Test<T> {
  const skip = (name: string) => {
    report({ skipped: name, reason })
    suite.skip(name)
  }
  const hook = Object.assign(() => {}, { each: () => {} })
  return Object.assign((name: string) => skip(name), {
    only: skip,
    skip: (name?: string) => suite.skip(name ?? ''),
    before: hook,
    after: hook,
    run: () => suite.run(),
  })
}

function report(message: Record<string, string>): void {
  const fd = Number(process.env[REPORT_FD])
  if (Number.isInteger(fd) && fd > 2) writeSync(fd, `${JSON.stringify(message)}\n`)
}

import type { Writable } from 'node:stream'
import { packageRoot } from '../../package-root.ts'
import { examine } from './examine.ts'
import { thisSystem } from './system.ts'
import { reportText } from './text.ts'

/** `actovisor doctor`: prints the report, answers 1 when something that guests need is missing. */
export const doctor = (options: { readonly json: boolean }, output: Writable): number => {
  const report = examine(thisSystem(), packageRoot())
  output.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
  return report.ok ? 0 : 1
}

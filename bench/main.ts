// Runs benchmarks by name: `npm run bench -- boot exec`, all without one; `--json` for programs.
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { boot } from './boot.ts'
import { exec } from './exec.ts'
import { memory } from './memory.ts'
import { printTable, type Report } from './report.ts'

// Memory first: later ones leave this process larger.
const BENCHES: Record<string, () => Promise<Report>> = { memory, boot, exec }

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
const unknown = names.filter((name) => !(name in BENCHES))
if (unknown.length > 0) {
  process.stderr.write(
    `there is no benchmark ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`,
  )
  process.exitCode = 2
} else {
  const host = `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} CPUs`
  const load = loadavg()[0] ?? 0
  const reports: Report[] = []
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (!names.includes(name)) continue
    const report = await bench()
    reports.push(report)
    if (!values.json) printTable(report, (line) => process.stdout.write(`${line}\n`))
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ host, load, reports }, null, 2)}\n`)
  else process.stdout.write(`\n${host}; load before ${load.toFixed(1)}\n`)
}

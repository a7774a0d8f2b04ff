import type { Summary } from './samples.ts'

/** One line of a benchmark's table. */
export interface Row {
  readonly name: string
  /** Where the clock starts and stops. */
  readonly clock: string
  readonly unit: 'ms' | 'MiB' | 'ratio'
  readonly summary: Summary
  /** What SPECIFICATION.md promises for the median, where it does. */
  readonly target: number | null
}

/** What one benchmark found. */
export interface Report {
  readonly bench: string
  readonly rows: readonly Row[]
}

/** Prints a report as a table for people. */
export function printTable(report: Report, write: (line: string) => void): void {
  write(`\n${report.bench}`)
  const cells = report.rows.map(({ name, unit, summary, target, clock }) => [
    name,
    summary.n.toString(),
    number(summary.min),
    number(summary.p50),
    number(summary.p99),
    unit,
    target === null ? '' : `${summary.p50 <= target ? 'meets' : 'MISSES'} ${target}`,
    clock,
  ])
  const heads = ['', 'N', 'min', 'p50', 'p99', '', 'target (p50)', 'clock']
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...cells.map((row) => row[column]?.length ?? 0)),
  )
  for (const row of [heads, ...cells]) {
    const padded = row.map((cell, column) =>
      column > 0 && column < 5 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    )
    write(padded.join('  ').trimEnd())
  }
}

const number = (value: number): string => value.toFixed(value < 10 ? 2 : 1)

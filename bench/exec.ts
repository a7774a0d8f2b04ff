import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../src/package-root.ts'
import { Actovisor } from 'actovisor/promises'
import type { Report, Row } from './report.ts'
import { summarise, timeEach } from './samples.ts'

const ROUNDS = 200
const PINGS = 1000
const PROGRAM = '/run/exec_cost'
const PING_MS = 1
const RATIO = 1.3
const MEGABYTES = 16

/** Times requests to a running guest, beside what the guest itself takes for the same. */
export async function exec(): Promise<Report> {
  const runtime = await Actovisor.open({ hostThreads: 1 })
  try {
    const vm = await runtime.start({ memoryMib: 192 })
    await vm.files.write(PROGRAM, readFileSync(join(packageRoot(), 'artifacts/bench/exec_cost')), {
      mode: 0o755,
    })
    await timeEach(20, () => vm.exec([PROGRAM, 'exit']))
    const pings = await timeEach(PINGS, () => vm.ping())
    // In turns, so that both see the same machine.
    const inside: number[] = []
    const outside: number[] = []
    for (let turn = 0; turn < 10; turn++) {
      const { text } = await vm.exec([PROGRAM, String(ROUNDS / 10)])
      inside.push(
        ...text
          .trim()
          .split('\n')
          .map((line) => Number(line) / 1e6),
      )
      outside.push(...(await timeEach(ROUNDS / 10, () => vm.exec([PROGRAM, 'exit']))))
    }
    const ratios = outside.map((value) => value / summarise(inside).p50)
    const input = new Uint8Array(MEGABYTES << 20)
    const inward = await timeEach(5, () => vm.exec(['sh', '-c', 'cat >/dev/null'], { input }))
    const outward = await timeEach(5, () => vm.exec(['head', '-c', String(MEGABYTES << 20), '/dev/zero']))
    return {
      bench: 'exec',
      rows: [
        row('ping', 'call to answer', 'ms', pings, PING_MS),
        row('exec of a small static program', 'call to answer', 'ms', outside),
        row('floor: vfork, exec, wait in the guest', 'CLOCK_MONOTONIC of the guest', 'ms', inside),
        row('exec over the median of its floor', '', 'ratio', ratios, RATIO),
        row(`${MEGABYTES} MiB into cat`, 'call to answer', 'ms', inward),
        row(`${MEGABYTES} MiB out of head`, 'call to answer', 'ms', outward),
      ],
    }
  } finally {
    await runtime.close()
  }
}

const row = (
  name: string,
  clock: string,
  unit: Row['unit'],
  samples: readonly number[],
  target: number | null = null,
): Row => ({ name, clock, unit, summary: summarise(samples), target })

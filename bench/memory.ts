import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Actovisor } from 'actovisor/promises'
import type { Report, Row } from './report.ts'
import { summarise } from './samples.ts'

const ROUNDS = 5
const MEMORY_MIB = 128
const OVERHEAD_MIB = 40

/** What the runtime holds in memory with one VM, beside the pages that the guest has touched. */
export async function memory(): Promise<Report> {
  const bare = bareNodeMib()
  const runtime = await Actovisor.open({ hostThreads: 1 })
  const overheads: number[] = []
  const guests: number[] = []
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const vm = await runtime.start({ memoryMib: MEMORY_MIB })
      await vm.exec(['true'])
      const guest = guestMib()
      guests.push(guest)
      overheads.push(residentMib() - guest - bare)
      await vm.kill()
    }
  } finally {
    await runtime.close()
  }
  return {
    bench: 'memory',
    rows: [
      row('runtime with one VM, less guest and bare Node', 'VmRSS', overheads, OVERHEAD_MIB),
      row(`pages touched by a guest of ${MEMORY_MIB} MiB`, 'Rss in smaps', guests),
      row('bare Node', 'VmRSS', [bare]),
    ],
  }
}

const residentMib = (): number => process.memoryUsage().rss / 2 ** 20

function bareNodeMib(): number {
  const program = 'process.stdout.write(String(process.memoryUsage().rss))'
  return Number(execFileSync(process.execPath, ['-e', program])) / 2 ** 20
}

/** Resident part of the guest's memory: the root disk, and the mappings without a gap around its kernel. */
function guestMib(): number {
  const maps = readFileSync('/proc/self/smaps', 'utf8')
    .split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
    .map(mapping)
  const runs: Mapping[][] = []
  for (const map of maps) {
    const run = runs.at(-1)
    if (run?.at(-1)?.end === map.start) run.push(map)
    else runs.push([map])
  }
  const ram = runs.filter((run) => run.some(({ file }) => file.endsWith('vmlinux'))).flat()
  const disks = maps.filter(({ file }) => file.endsWith('.erofs'))
  return [...ram, ...disks].reduce((sum, { residentKib }) => sum + residentKib, 0) / 1024
}

interface Mapping {
  readonly start: string
  readonly end: string
  readonly file: string
  readonly residentKib: number
}

function mapping(text: string): Mapping {
  const [head = ''] = text.split('\n', 1)
  const [range = '', , , , , file = ''] = head.split(/\s+/)
  const [start = '', end = ''] = range.split('-')
  return { start, end, file, residentKib: Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0) }
}

const row = (name: string, clock: string, samples: readonly number[], target: number | null = null): Row => ({
  name,
  clock,
  unit: 'MiB',
  summary: summarise(samples),
  target,
})

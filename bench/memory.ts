import { readFileSync } from 'node:fs'
import { Actovisor } from 'actovisor/promises'
import type { Report, Row } from './report.ts'
import { summarise } from './samples.ts'

const ROUNDS = 5
const MEMORY_MIB = 128
const OVERHEAD_MIB = 40

/** What the runtime holds in memory with one VM, beside the pages that the guest has touched. */
export async function memory(): Promise<Report> {
  const bare = residentMib()
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
      row('Node with this program loaded', 'VmRSS', [bare]),
    ],
  }
}

const residentMib = (): number => process.memoryUsage().rss / 2 ** 20

/** Resident part of guest RAM, kernel image and root disk: the mappings of that size or of those files. */
function guestMib(): number {
  const maps = readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
  const guest = maps.filter((map) => {
    const [range = ''] = map.split(' ')
    const [from = '0', to = '0'] = range.split('-')
    const bytes = Number.parseInt(to, 16) - Number.parseInt(from, 16)
    return /vmlinux|\.erofs/.test(map) || bytes > (MEMORY_MIB / 2) * 2 ** 20
  })
  const kib = guest.map((map) => Number(/^Rss:\s+(\d+)/m.exec(map)?.[1] ?? 0))
  return kib.reduce((sum, value) => sum + value, 0) / 1024
}

const row = (name: string, clock: string, samples: readonly number[], target: number | null = null): Row => ({
  name,
  clock,
  unit: 'MiB',
  summary: summarise(samples),
  target,
})

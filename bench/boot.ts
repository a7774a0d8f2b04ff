import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../src/package-root.ts'
import { Actovisor, type Vm } from 'actovisor/promises'
import type { Report, Row } from './report.ts'
import { summarise } from './samples.ts'

const ROUNDS = 20
const MEMORY_MIB = 128
/** Of the flavour that this host runs natively; see SPECIFICATION.md. */
const READY_MS = 150
const OVERHEAD_MS = 15

/** Boots VMs one after the other, and says where the time goes. */
export async function boot(): Promise<Report> {
  const runtime = await Actovisor.open({ hostThreads: 1 })
  const boots: Stages[] = []
  try {
    // The first one reads kernel and disk from storage.
    await stagesOf(runtime)
    for (let round = 0; round < ROUNDS; round++) boots.push(await stagesOf(runtime))
  } finally {
    await runtime.close()
  }
  const floor = floorOf(runtime)
  const ready = row('agent ready', 'start() to its answer', total(boots), READY_MS)
  const ours = row(
    'until the first KVM_RUN',
    'start() to the first entry of the guest',
    between(boots, null, 'started'),
    OVERHEAD_MS,
  )
  const parts = consecutive(boots).map(([from, to]) =>
    row(`  ${from} → ${to}`, 'stage to stage', between(boots, from, to)),
  )
  const floors = [row('floor: KVM calls and mappings', 'open of /dev/kvm to the first exit, in Rust', floor)]
  return { bench: 'boot', rows: [ready, ours, ...floors, ...parts] }
}

type Stages = ReadonlyMap<string, number>

async function stagesOf(runtime: Actovisor): Promise<Stages> {
  const begin = performance.now()
  const vm: Vm = await runtime.start({ memoryMib: MEMORY_MIB })
  const answered = performance.now() - begin
  const stages = new Map(vm.stages.map(({ name, atMs }) => [name, atMs]))
  stages.set('answer', answered)
  await vm.kill()
  return stages
}

function floorOf(runtime: Actovisor): number[] {
  const root = packageRoot()
  const kernel = join(root, 'artifacts/kernel', runtime.host.flavour, 'vmlinux')
  const program = join(root, 'artifacts/bench/floor')
  const printed = execFileSync(program, [String(ROUNDS), String(MEMORY_MIB), kernel, newestDisk()])
  const nanoseconds: unknown = JSON.parse(printed.toString())
  if (!Array.isArray(nanoseconds)) throw new Error(`floor printed ${printed.toString()}`)
  return nanoseconds.map((value) => Number(value) / 1e6)
}

// The boots before have made the disk of the base image.
function newestDisk(): string {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'actovisor/disks')
  const disks = readdirSync(folder).filter((name) => name.endsWith('.erofs'))
  const newest = disks
    .map((name) => join(folder, name))
    .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]
  if (newest === undefined) throw new Error(`${folder} has no disk`)
  return newest
}

/** The stages in the order of their median times, each with the one before. */
function consecutive(boots: readonly Stages[]): [string, string][] {
  const first = boots[0]
  if (first === undefined) return []
  const names = [...first.keys()].toSorted((a, b) => median(boots, a) - median(boots, b))
  return names.slice(1).map((name, index) => [names[index] ?? '', name])
}

const median = (boots: readonly Stages[], name: string): number =>
  summarise(boots.map((stages) => stages.get(name) ?? 0)).p50

const total = (boots: readonly Stages[]): number[] => between(boots, null, 'answer')

const between = (boots: readonly Stages[], from: string | null, to: string): number[] =>
  boots.map((stages) => (stages.get(to) ?? 0) - (from === null ? 0 : (stages.get(from) ?? 0)))

const row = (name: string, clock: string, samples: readonly number[], target: number | null = null): Row => ({
  name,
  clock,
  unit: 'ms',
  summary: summarise(samples),
  target,
})

import { dirname, join } from 'node:path'
import type { LimitFacts, Problem } from './report.ts'
import { warning } from './report.ts'
import type { System } from './system.ts'

/** A VM holds about ten descriptors; this is room for a hundred of them. */
const ENOUGH_FILES = 1024
/** The default guest and the runtime around it. */
const ENOUGH_MEMORY = 512 * 1024 * 1024

/** What bounds the number and size of guests of this process. */
export const examineLimits = (
  system: System,
): { readonly facts: LimitFacts; readonly problems: Problem[] } => {
  const [openFiles, openFilesHard] = openFileLimits(system)
  const facts: LimitFacts = {
    cpus: system.cpus,
    cpuQuota: cpuQuota(system),
    memoryBytes: system.memoryBytes,
    availableMemoryBytes: system.availableMemoryBytes,
    openFiles,
    openFilesHard,
  }
  return { facts, problems: [...narrowFiles(facts), ...narrowMemory(facts), ...narrowCpu(facts)] }
}

const narrowFiles = ({ openFiles, openFilesHard }: LimitFacts): Problem[] =>
  openFiles !== null && openFiles < ENOUGH_FILES
    ? [
        warning(
          'open files',
          `this process may open ${openFiles} files, which is few for more than one guest`,
          `Raise the limit: ulimit -n ${openFilesHard ?? 65_536}.`,
        ),
      ]
    : []

const narrowMemory = ({ availableMemoryBytes }: LimitFacts): Problem[] =>
  availableMemoryBytes < ENOUGH_MEMORY
    ? [
        warning(
          'memory',
          `${Math.floor(availableMemoryBytes / 2 ** 20)} MiB of memory can be had now`,
          'Free memory, raise the limit of the control group, or give guests less: --memory.',
        ),
      ]
    : []

const narrowCpu = ({ cpuQuota }: LimitFacts): Problem[] =>
  cpuQuota !== null && cpuQuota < 1
    ? [
        warning(
          'cpu',
          `the control group allows ${cpuQuota} of a CPU`,
          'Raise its quota: guests and the runtime share it, and are stopped when it is used up.',
        ),
      ]
    : []

const openFileLimits = (system: System): [soft: number | null, hard: number | null] => {
  const [, soft, hard] = /^Max open files +(\S+) +(\S+)/m.exec(system.read('/proc/self/limits') ?? '') ?? []
  return [limit(soft), limit(hard)]
}

const limit = (word: string | undefined): number | null =>
  word === undefined || word === 'unlimited' ? null : Number(word)

/** The least of the quotas from the control group of this process up to the root. */
const cpuQuota = (system: System): number | null => {
  const groups = system.read('/proc/self/cgroup') ?? ''
  const unified = /^0::(.*)$/m.exec(groups)?.[1]
  const legacy = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1]
  const quotas = [
    ...ancestors(unified).map((group) => unifiedQuota(system, join('/sys/fs/cgroup', group))),
    ...ancestors(legacy).map((group) => legacyQuota(system, join('/sys/fs/cgroup/cpu', group))),
  ].filter((quota) => quota !== null)
  return quotas.length === 0 ? null : Math.min(...quotas)
}

const ancestors = (group: string | undefined): string[] => {
  if (group === undefined) return []
  return dirname(group) === group ? [group] : [group, ...ancestors(dirname(group))]
}

const unifiedQuota = (system: System, folder: string): number | null => {
  const [, quota, period] = /^(\d+) (\d+)/.exec(system.read(join(folder, 'cpu.max')) ?? '') ?? []
  return quota === undefined || period === undefined ? null : Number(quota) / Number(period)
}

const legacyQuota = (system: System, folder: string): number | null => {
  const quota = Number(system.read(join(folder, 'cpu.cfs_quota_us')) ?? '-1')
  const period = Number(system.read(join(folder, 'cpu.cfs_period_us')) ?? '0')
  return quota > 0 && period > 0 ? quota / period : null
}

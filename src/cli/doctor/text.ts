import type { ArtifactFacts, DoctorReport, Problem } from './report.ts'

/** The report for a person at a terminal. */
export const reportText = (report: DoctorReport): string =>
  [
    section('host', [
      ['system', `${report.host.platform} ${report.host.kernel} on ${report.host.architecture}`],
      ['cpu', report.host.cpuModel],
    ]),
    section('kvm', kvmLines(report)),
    section('limits', limitLines(report)),
    section('versions', [
      ['actovisor', report.versions.actovisor],
      ['node', report.versions.node],
      ...report.artifacts.map((artifact): Line => [artifact.name, artifactText(artifact)]),
    ]),
    report.problems.length === 0 ? 'No problems: guests can run here.' : problemsText(report),
    '',
  ].join('\n')

type Line = readonly [label: string, value: string]

const section = (title: string, lines: readonly Line[]): string =>
  [title, ...lines.map(([label, value]) => `  ${label.padEnd(16)} ${value}`), ''].join('\n')

const kvmLines = ({ kvm }: DoctorReport): Line[] => {
  const device = !kvm.present ? 'missing' : kvm.permitted ? 'can be opened' : 'may not be opened'
  if (kvm.probe === null) return [[kvm.device, device]]
  const { hostClass, evidence, quirks, flavour, kvmApiVersion, maxVcpus } = kvm.probe
  return [
    [kvm.device, `${device}, API version ${kvmApiVersion}`],
    ['host class', hostClass],
    ['', evidence],
    ['quirks', quirks.length === 0 ? 'none' : quirks.join(', ')],
    ['kernel flavour', flavour],
    ['vCPUs of a guest', `at most ${maxVcpus}`],
  ]
}

const limitLines = ({ limits }: DoctorReport): Line[] => [
  ['cpus', `${limits.cpus}, quota ${limits.cpuQuota ?? 'none'}`],
  ['memory', `${mebibytes(limits.memoryBytes)}, available ${mebibytes(limits.availableMemoryBytes)}`],
  ['open files', `${limits.openFiles ?? 'unlimited'}, at most ${limits.openFilesHard ?? 'unlimited'}`],
]

const artifactText = ({ present, needed, bytes, version, path }: ArtifactFacts): string => {
  if (!present) return needed ? `missing: ${path}` : 'not built, and not needed on this host'
  return [version, bytes === null ? null : `${bytes} bytes`, path].filter((part) => part !== null).join(', ')
}

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`

const problemsText = ({ problems }: DoctorReport): string =>
  problems.map(({ severity, message, advice }: Problem) => `${severity}: ${message}\n  ${advice}`).join('\n')

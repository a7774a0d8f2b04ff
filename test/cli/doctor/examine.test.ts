import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { examine } from '../../../src/cli/doctor/examine.ts'
import type { System } from '../../../src/cli/doctor/system.ts'
import { reportText } from '../../../src/cli/doctor/text.ts'
import type { HostProbe } from '../../../src/native/native.ts'

const PROBE: HostProbe = {
  hostClass: 'ordinary',
  evidence: 'the micro-guest ran at the speed of the CPU',
  flavour: 'standard',
  kvmApiVersion: 12,
  maxVcpus: 8,
  cpuVendor: 'GenuineIntel',
  cpuModel: 'a CPU',
  quirks: [],
}

const ARTIFACTS = ['kernel/standard/vmlinux', 'agent/agent', 'base/layout/index.json'].map(
  (name) => `/package/artifacts/${name}`,
)

interface Fixture extends Partial<Omit<System, 'read'>> {
  readonly files?: Readonly<Record<string, string>>
  readonly artifacts?: readonly string[]
}

/** A machine on which guests can run, but for what `changes` says. */
function system({ files = {}, artifacts = ARTIFACTS, ...changes }: Fixture = {}): System {
  const texts: Readonly<Record<string, string>> = {
    '/package/package.json': '{"version":"1.2.3"}',
    '/proc/self/limits': 'Max open files            20000                40000                files     \n',
    '/proc/self/cgroup': '0::/a/b\n',
    ...files,
  }
  return {
    platform: 'linux',
    architecture: 'x86_64',
    kernel: '6.12.0',
    cpuModel: 'a CPU',
    cpus: 4,
    memoryBytes: 2 ** 34,
    availableMemoryBytes: 2 ** 33,
    node: '24.21.0',
    exists: () => true,
    permitted: () => true,
    read: (path) => texts[path] ?? null,
    size: (path) => (artifacts.includes(path) ? 1000 : null),
    find: (path) => (artifacts.includes(path) ? 'Linux version 6.12.1-actovisor (build@host)' : null),
    probe: () => PROBE,
    ...changes,
  }
}

const thrower = (error: Error) => (): never => {
  throw error
}

test('a machine where all is there has no problem', () => {
  const report = examine(system(), '/package')
  assert.equal(report.problems, [])
  assert.ok(report.ok)
  assert.is(report.versions.actovisor, '1.2.3')
  assert.is(report.artifacts[0]?.version, '6.12.1-actovisor')
  assert.match(reportText(report), 'No problems')
})

for (const [what, fixture, expected] of [
  ['another operating system', { platform: 'darwin' }, /darwin.*Linux/s],
  ['another architecture', { architecture: 'aarch64' }, /aarch64.*x86-64/s],
  ['an old Node', { node: '22.18.0' }, /22\.18\.0.*22\.19/s],
  ['a missing device', { exists: () => false }, /no \/dev\/kvm.*modprobe/s],
  ['a forbidden device', { permitted: () => false }, /may not open.*usermod/s],
  ['a strange device', { probe: () => ({ ...PROBE, kvmApiVersion: 11 }) }, /version 11/],
  ['a device that fails', { probe: thrower(new Error('KVM_CREATE_VM: EBUSY')) }, /EBUSY.*dmesg/s],
  [
    'a missing addon',
    { probe: thrower(Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' })) },
    /addon is missing.*build\.mjs crates/s,
  ],
  [
    'a missing kernel',
    { artifacts: ARTIFACTS.slice(1) },
    /standard kernel is missing.*build\.mjs kernel:standard/s,
  ],
  ['a missing agent', { artifacts: ARTIFACTS.toSpliced(1, 1) }, /agent is missing.*build\.mjs agent/s],
  ['a missing base image', { artifacts: ARTIFACTS.slice(0, 2) }, /base image is missing.*build\.mjs base/s],
] as const satisfies readonly (readonly [string, Fixture, RegExp])[]) {
  test(`${what} is an error that says what to do`, () => {
    const report = examine(system(fixture), '/package')
    assert.not(report.ok)
    assert.equal(
      report.problems.map(({ severity }) => severity),
      ['error'],
    )
    assert.match(reportText(report), expected)
  })
}

for (const [what, fixture, expected] of [
  [
    'few open files',
    { files: { '/proc/self/limits': 'Max open files  256  4096  files' } },
    /256 files.*ulimit -n 4096/s,
  ],
  ['little memory', { availableMemoryBytes: 2 ** 28 }, /256 MiB/],
  [
    'a quota of a group above ours',
    { files: { '/sys/fs/cgroup/a/cpu.max': '50000 100000\n', '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n' } },
    /allows 0\.5 of a CPU/,
  ],
  [
    'a quota of the older kind',
    {
      files: {
        '/proc/self/cgroup': '3:cpuacct,cpu:/x\n2:cpuset:/y\n',
        '/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us': '25000',
        '/sys/fs/cgroup/cpu/x/cpu.cfs_period_us': '100000',
      },
    },
    /allows 0\.25 of a CPU/,
  ],
] as const satisfies readonly (readonly [string, Fixture, RegExp])[]) {
  test(`${what}: a warning, with which guests can run`, () => {
    const report = examine(system(fixture), '/package')
    assert.ok(report.ok)
    assert.equal(
      report.problems.map(({ severity }) => severity),
      ['warning'],
    )
    assert.match(reportText(report), expected)
  })
}

test('only the kernel that the host needs has to be there', () => {
  const pvm: HostProbe = { ...PROBE, hostClass: 'pvm-native', flavour: 'pvm' }
  const report = examine(system({ probe: () => pvm }), '/package')
  assert.equal(
    report.problems.map(({ subject }) => subject),
    ['pvm kernel'],
  )
})

test.run()

import { join } from 'node:path'
import { isSupportedNode, nodeAdvice } from '../node-version.ts'
import { examineArtifacts } from './artifacts.ts'
import { examineKvm } from './kvm.ts'
import { examineLimits } from './limits.ts'
import type { DoctorReport, Problem } from './report.ts'
import { error } from './report.ts'
import type { System } from './system.ts'

/** Looks at all that running guests on this machine depends on. */
export const examine = (system: System, root: string): DoctorReport => {
  const kvm = examineKvm(system)
  const limits = examineLimits(system)
  const artifacts = examineArtifacts(system, root, kvm.facts.probe?.flavour ?? 'standard')
  const problems = [
    ...platformProblems(system),
    ...nodeProblems(system),
    ...kvm.problems,
    ...artifacts.problems,
    ...limits.problems,
  ]
  return {
    ok: problems.every(({ severity }) => severity !== 'error'),
    host: {
      platform: system.platform,
      architecture: system.architecture,
      kernel: system.kernel,
      cpuModel: system.cpuModel,
    },
    kvm: kvm.facts,
    limits: limits.facts,
    versions: { actovisor: packageVersion(system, root), node: system.node },
    artifacts: artifacts.facts,
    problems,
  }
}

const platformProblems = ({ platform, architecture }: System): Problem[] =>
  platform === 'linux' && architecture === 'x86_64'
    ? []
    : [error('host', `this is ${platform} on ${architecture}`, 'Use a host with Linux on x86-64.')]

const nodeProblems = ({ node }: System): Problem[] =>
  isSupportedNode(node) ? [] : [error('node', `this is Node ${node}`, nodeAdvice)]

const packageVersion = (system: System, root: string): string => {
  const manifest: unknown = JSON.parse(system.read(join(root, 'package.json')) ?? '{}')
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

import type { HostProbe } from '../../native/native.ts'

/** What `doctor` finds; `--json` prints it as it is. */
export interface DoctorReport {
  /** Whether guests can run here: no problem is an error. */
  readonly ok: boolean
  readonly host: HostFacts
  readonly kvm: KvmFacts
  readonly limits: LimitFacts
  readonly versions: VersionFacts
  readonly artifacts: readonly ArtifactFacts[]
  readonly problems: readonly Problem[]
}

/** Something that is missing or narrow, and what to do about it. */
export interface Problem {
  /** An error keeps guests from running; a warning makes them fewer or slower. */
  readonly severity: 'error' | 'warning'
  readonly subject: string
  readonly message: string
  readonly advice: string
}

export interface HostFacts {
  readonly platform: string
  readonly architecture: string
  readonly kernel: string
  readonly cpuModel: string
}

export interface KvmFacts {
  readonly device: string
  readonly present: boolean
  readonly permitted: boolean
  /** What probing the device told; null where it could not be probed. */
  readonly probe: HostProbe | null
}

export interface LimitFacts {
  /** CPUs that this process may run on. */
  readonly cpus: number
  /** CPUs' worth of time that its control group allows; null: no limit. */
  readonly cpuQuota: number | null
  readonly memoryBytes: number
  /** What can be had now, within the control group. */
  readonly availableMemoryBytes: number
  /** Open files: soft and hard limit; null: no limit. */
  readonly openFiles: number | null
  readonly openFilesHard: number | null
}

export interface VersionFacts {
  readonly actovisor: string
  readonly node: string
}

/** A file that guests are made of. */
export interface ArtifactFacts {
  readonly name: string
  readonly path: string
  /** Whether this host needs it. */
  readonly needed: boolean
  readonly present: boolean
  readonly bytes: number | null
  /** What it says of itself, where it says anything. */
  readonly version: string | null
}

/** Makes a problem that keeps guests from running. */
export const error = (subject: string, message: string, advice: string): Problem => ({
  severity: 'error',
  subject,
  message,
  advice,
})

/** Makes a problem that guests can run with. */
export const warning = (subject: string, message: string, advice: string): Problem => ({
  severity: 'warning',
  subject,
  message,
  advice,
})

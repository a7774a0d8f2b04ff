import { Field } from './document.ts'
import { isDigest } from './digest.ts'

/** What the image says about the programs to run in it. */
export interface ImageConfig {
  readonly architecture: string
  readonly os: string
  readonly created: string | null
  /** Each "NAME=value". */
  readonly env: readonly string[]
  /** Empty when not set. */
  readonly workdir: string
  /** "", or user[:group], each by name or number. */
  readonly user: string
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly stopSignal: string | null
  /** Each "port/protocol". */
  readonly exposedPorts: readonly string[]
  readonly volumes: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly healthcheck: Healthcheck | null
}

export interface Healthcheck {
  /** ["NONE"], ["CMD", …] or ["CMD-SHELL", text]; empty inherits. */
  readonly test: readonly string[]
  /** Times in nanoseconds; null where the image leaves the default. */
  readonly interval: number | null
  readonly timeout: number | null
  readonly startPeriod: number | null
  readonly retries: number | null
}

/** The config document, and the digests of the uncompressed layers that it lists. */
export function parseConfig(path: string, bytes: Buffer): { config: ImageConfig; diffIds: string[] } {
  const top = Field.parse(path, bytes)
  const rootfs = top.get('rootfs')
  const diffIds = rootfs
    .get('diff_ids')
    .list()
    .map((field) => {
      if (!isDigest(field.string())) throw field.invalid('a sha256 or sha512 digest')
      return field.string()
    })
  const architecture = top.get('architecture').string()
  const os = top.get('os').string()
  const created = top.get('created').stringOr(null)
  const config = top.get('config')
  if (!config.present) return { config: { ...NOTHING, architecture, os, created }, diffIds }
  return {
    diffIds,
    config: {
      architecture,
      os,
      created,
      env: config.get('Env').strings(),
      workdir: config.get('WorkingDir').stringOr(''),
      user: config.get('User').stringOr(''),
      entrypoint: config.get('Entrypoint').strings(),
      cmd: config.get('Cmd').strings(),
      stopSignal: config.get('StopSignal').stringOr(null),
      exposedPorts: config.get('ExposedPorts').keys(),
      volumes: config.get('Volumes').keys(),
      labels: config.get('Labels').record(),
      healthcheck: healthcheck(config.get('Healthcheck')),
    },
  }
}

const NOTHING = {
  env: [],
  workdir: '',
  user: '',
  entrypoint: [],
  cmd: [],
  stopSignal: null,
  exposedPorts: [],
  volumes: [],
  labels: {},
  healthcheck: null,
}

function healthcheck(field: Field): Healthcheck | null {
  if (!field.present) return null
  return {
    test: field.get('Test').strings(),
    interval: field.get('Interval').countOr(null),
    timeout: field.get('Timeout').countOr(null),
    startPeriod: field.get('StartPeriod').countOr(null),
    retries: field.get('Retries').countOr(null),
  }
}

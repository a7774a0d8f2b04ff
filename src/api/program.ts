import type { Program } from '../agent/requests.ts'
import type { Prepared } from './artifacts.ts'
import { mergeEnvironment } from './environment.ts'
import type { Environment, StartOptions } from './options.ts'

/** What the programs of a VM run with unless they say otherwise. */
export interface ProgramDefaults {
  readonly imageEnv: readonly string[]
  readonly env: Environment
  readonly workdir: string
  readonly user: string
}

/** Of a VM: what its options say, and where they say nothing its image. */
export const programDefaults = (options: StartOptions, { image }: Prepared): ProgramDefaults => ({
  imageEnv: image.env,
  env: options.env ?? {},
  workdir: options.workdir ?? (image.workdir || '/'),
  user: options.user ?? image.user,
})

interface Choices {
  readonly env?: Environment
  readonly cwd?: string
  readonly user?: string
  readonly tty?: unknown
}

/** A program with everything that the guest needs to know about it. */
export const program = (
  argv: readonly string[],
  timeoutMs: number,
  defaults: ProgramDefaults,
  { env, cwd, user, tty }: Choices,
): Program => ({
  argv,
  timeoutMs,
  env: mergeEnvironment(defaults.imageEnv, tty === undefined ? {} : TERMINAL, defaults.env, env),
  cwd: cwd ?? defaults.workdir,
  user: user ?? defaults.user,
})

/** A terminal that every system knows, and that ours is compatible with. */
const TERMINAL = { TERM: 'xterm' }

import type { Result } from 'neverthrow'
import { err, ok } from 'neverthrow'
import { InvalidOption } from '../errors/options.ts'
import { flavourOf } from './machine.ts'
import type { HostCapacity, OpenOptions, SpawnOptions, StartOptions } from './options.ts'

type Check = InvalidOption | null

/** A kernel and its agent do not come up in less. */
const MIN_MEMORY_MIB = 32
/** The longest wait that a timer can hold. */
const MAX_MS = 2 ** 31 - 1
const MAX_HOSTNAME = 64

/** The options of a runtime, or the first of them that cannot work. */
export const checkOpen = (options: OpenOptions): Result<OpenOptions, InvalidOption> =>
  first(options, [
    whole('hostThreads', options.hostThreads, 1, 256),
    whole('vmsPerThread', options.vmsPerThread, 1, 4096),
    whole('hostThreadHeapMib', options.hostThreadHeapMib, 16, 65_536),
    whole('maxConcurrentStarts', options.maxConcurrentStarts, 1, 4096),
    whole('maxWaitingStarts', options.maxWaitingStarts, 0, 1_000_000),
    whole('startWaitMs', options.startWaitMs, 0, MAX_MS),
    text('cacheDir', options.cacheDir),
  ])

/** The options of a VM, or the first of them that cannot work on this host. */
export const checkStart = (options: StartOptions, host: HostCapacity): Result<StartOptions, InvalidOption> =>
  first(options, [
    whole('memoryMib', options.memoryMib, MIN_MEMORY_MIB, host.memoryMib),
    whole('vcpus', options.vcpus, 1, vcpuLimit(options, host)),
    whole('bootTimeoutMs', options.bootTimeoutMs, 1, MAX_MS),
    text('image', options.image),
    text('reference', options.reference),
    text('kernel', options.kernel),
    matching('kernelFlavour', options.kernelFlavour, /^(?:standard|pvm)$/u, 'standard or pvm'),
    text('user', options.user),
    path('workdir', options.workdir),
    environment('env', options.env),
    hostname(options.hostname),
    matching('cmdline', options.cmdline, /^[\x20-\x7e]*$/u, 'printable ASCII in one line'),
  ])

/** The pvm flavour is a kernel for one CPU; it would leave the others idle without a word. */
const vcpuLimit = (options: StartOptions, host: HostCapacity): number =>
  flavourOf(options, host.flavour) === 'pvm' ? 1 : host.maxVcpus

interface Program extends Pick<SpawnOptions, 'env' | 'cwd' | 'user' | 'timeoutMs' | 'tty'> {
  readonly argv: readonly string[]
  readonly maxOutputBytes?: number
}

/** The options of a program, or the first of them that cannot work. */
export const checkProgram = (program: Program): Result<Program, InvalidOption> =>
  first(program, [
    program.argv.length > 0 && program.argv[0] !== ''
      ? null
      : new InvalidOption({ option: 'argv', value: program.argv, allowed: 'a program and its arguments' }),
    ...program.argv.map((word, index) => text(`argv[${index}]`, word)),
    environment('env', program.env),
    path('cwd', program.cwd),
    text('user', program.user),
    whole('timeoutMs', program.timeoutMs, 0, MAX_MS),
    whole('maxOutputBytes', program.maxOutputBytes, 0, Number.MAX_SAFE_INTEGER),
    whole('tty.rows', program.tty?.rows, 0, 65_535),
    whole('tty.columns', program.tty?.columns, 0, 65_535),
  ])

/** The path of a file in the guest, or why it is none. */
export const checkPath = (value: string): Result<string, InvalidOption> => first(value, [path('path', value)])

/** A wait in ms; `Infinity` is none. */
export const checkWait = (value: number | undefined): Result<number | undefined, InvalidOption> =>
  first(value, [value === Infinity ? null : whole('timeoutMs', value, 0, MAX_MS)])

/** A whole number within bounds. */
export const checkNumber = (
  option: string,
  value: number,
  least: number,
  most: number,
): Result<number, InvalidOption> => first(value, [whole(option, value, least, most)])

const first = <A>(value: A, checks: readonly Check[]): Result<A, InvalidOption> => {
  const wrong = checks.find((check) => check !== null)
  return wrong === undefined || wrong === null ? ok(value) : err(wrong)
}

const whole = (option: string, value: number | undefined, least: number, most: number): Check =>
  value === undefined || (Number.isInteger(value) && value >= least && value <= most)
    ? null
    : new InvalidOption({ option, value, allowed: `a whole number from ${least} to ${most}` })

const text = (option: string, value: string | undefined): Check =>
  matching(option, value, /^[^\0]*$/u, 'text without NUL')

const path = (option: string, value: string | undefined): Check =>
  matching(option, value, /^\/[^\0]*$/u, 'an absolute path without NUL')

const hostname = (value: string | undefined): Check =>
  matching('hostname', value, hostnamePattern, `1 to ${MAX_HOSTNAME} of letters, digits, "-" and "."`)

const hostnamePattern = new RegExp(`^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,${MAX_HOSTNAME - 1}})$`, 'u')

const matching = (option: string, value: string | undefined, pattern: RegExp, allowed: string): Check =>
  value === undefined || (typeof value === 'string' && pattern.test(value))
    ? null
    : new InvalidOption({ option, value, allowed })

const environment = (option: string, value: Readonly<Record<string, string>> | undefined): Check => {
  const wrong = Object.entries(value ?? {}).find(
    ([name, content]) => !/^[^=\0]+$/u.test(name) || typeof content !== 'string' || content.includes('\0'),
  )
  return wrong === undefined
    ? null
    : new InvalidOption({
        option: `${option}.${wrong[0]}`,
        value: wrong[1],
        allowed: 'text without NUL, under a name without "=" and NUL',
      })
}

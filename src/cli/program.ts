import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { RunOptions } from './run/options.ts'

/** What the commands do; each answers the exit code of the process. */
export interface Actions {
  readonly run: (options: RunOptions) => Promise<number>
  readonly doctor: (options: { readonly json: boolean }) => Promise<number>
  readonly demo: () => Promise<number>
}

/** Where usage and mistakes are told. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** The exit code for a command line that cannot be understood. */
const USAGE_ERROR = 2

/** Parses a command line, does what it says and answers the exit code. */
export const runProgram = async (
  argv: readonly string[],
  version: string,
  actions: Actions,
  terminal: Terminal,
): Promise<number> => {
  let code = 0
  const settle = async (action: Promise<number>) => {
    code = await action
  }
  const program = createProgram(version, actions, settle, terminal)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : USAGE_ERROR
  }
}

const createProgram = (
  version: string,
  actions: Actions,
  settle: (action: Promise<number>) => Promise<void>,
  terminal: Terminal,
): Command => {
  const program = new Command('actovisor')
    .description('Runs commands in real Linux guests behind KVM.')
    .version(version)
    // What stands after the guest's command belongs to it.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError('See --help.')
  runCommand(program).action((argv: string[], options: RawRunOptions) =>
    settle(actions.run(runOptions(argv, options))),
  )
  program
    .command('doctor')
    .description('says what this host can do, and what to do about each problem')
    .option('--json', 'print one object', false)
    .action((options: { json: boolean }) => settle(actions.doctor(options)))
  program
    .command('demo')
    .description('boots a guest and shows what it does and how long that takes')
    .action(() => settle(actions.demo()))
  return program
}

interface RawRunOptions {
  readonly image?: string
  readonly memory?: number
  readonly vcpus?: number
  readonly env: readonly string[]
  readonly workdir?: string
  readonly user?: string
  readonly timeout?: number
  readonly interactive: boolean
  readonly tty: boolean
  readonly verbose: boolean
  readonly json: boolean
}

const runCommand = (program: Command): Command =>
  program
    .command('run')
    .description('boots a guest, runs a command in it and exits as the command does')
    .usage('[options] -- <command...>')
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
    .option('--image <layout>', 'folder of an OCI image layout (default: the base image)')
    .option('--memory <mib>', 'memory of the guest in MiB', wholeNumber)
    .option('--vcpus <n>', 'virtual CPUs of the guest', wholeNumber)
    .option(
      '-e, --env <name=value>',
      'add to the environment; NAME alone takes the value from here',
      environment,
      [],
    )
    .option('-w, --workdir <path>', 'folder to run the command in')
    .option('-u, --user <user[:group]>', 'user to run the command as')
    .option('--timeout <seconds>', 'end the run after this time, the boot included', seconds)
    .option('-i, --interactive', 'pass standard input to the command', false)
    .option('-t, --tty', 'give the command a terminal', false)
    .option('--verbose', 'show the stages of the boot on standard error', false)
    .addOption(
      new Option('--json', 'print one object with result and output when the command has ended')
        .default(false)
        .conflicts(['tty', 'verbose']),
    )

const runOptions = (argv: readonly string[], raw: RawRunOptions): RunOptions => ({
  argv,
  image: raw.image ?? null,
  memoryMib: raw.memory ?? null,
  vcpus: raw.vcpus ?? null,
  env: raw.env,
  workdir: raw.workdir ?? null,
  user: raw.user ?? null,
  timeoutMs: raw.timeout ?? null,
  interactive: raw.interactive,
  tty: raw.tty,
  verbose: raw.verbose,
  json: raw.json,
})

const wholeNumber = (word: string): number => {
  const value = Number(word)
  if (!/^\d+$/.test(word) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It is not a whole number.')
  return value
}

/** The longest time that a timer of Node can wait. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

const seconds = (word: string): number => {
  const ms = Math.ceil(Number(word) * 1000)
  if (!/^\d+(\.\d+)?$/.test(word) || ms < 1 || ms > MAX_TIMEOUT_MS)
    throw new InvalidArgumentError(
      `It is not a number of seconds above 0 and up to ${Math.floor(MAX_TIMEOUT_MS / 1000)}.`,
    )
  return ms
}

const environment = (word: string, before: readonly string[]): string[] => {
  const [, name = '', assigned] = /^([^=]*)(=[^]*)?$/.exec(word) ?? []
  if (name === '') throw new InvalidArgumentError('It has no name before "=".')
  if (assigned !== undefined) return [...before, word]
  const inherited = process.env[name]
  return inherited === undefined ? [...before] : [...before, `${name}=${inherited}`]
}

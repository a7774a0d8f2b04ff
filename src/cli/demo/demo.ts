import type { Writable } from 'node:stream'
import { Actovisor } from '../../index.ts'
import type { ActovisorError, Vm } from '../../index.ts'

/** What the demonstration runs: a line for its reader, the command, its input. */
const COMMANDS: readonly (readonly [why: string, argv: readonly string[], input?: string])[] = [
  ['a kernel of its own', ['uname', '-srm']],
  ['both streams, apart', ['sh', '-c', 'echo to standard output; echo to standard error >&2']],
  ['input from here', ['wc', '-c'], 'hello from the host\n'],
  ['processes of its own', ['sh', '-c', 'ps | head -n 3']],
  ['an exit code that is not 0', ['sh', '-c', 'exit 7']],
]

/** `actovisor demo`: boots a guest, shows what it does and how long that takes, and leaves nothing. */
export const demo = async (output: Writable): Promise<number> => {
  const print = (text: string) => output.write(`${text}\n`)
  const started = performance.now()
  const since = () => `${(performance.now() - started).toFixed(1).padStart(8)} ms`
  const opened = await Actovisor.open({ hostThreads: 1 })
  if (opened.isErr()) return failed(print, opened.error)
  const actovisor = opened.value
  const { host } = actovisor
  print(`${since()}  runtime open on a host of class ${host.hostClass} (${host.cpuModel})`)
  const booted = await actovisor.start()
  if (booted.isErr()) {
    await actovisor.close({ graceMs: 0 })
    return failed(print, booted.error)
  }
  const vm = booted.value
  print(`${since()}  guest ready; its boot, from the request on:`)
  for (const { name, atMs } of vm.stages.toSorted((a, b) => a.atMs - b.atMs))
    print(`${' '.repeat(15)}${atMs.toFixed(1).padStart(8)} ms  ${name}`)
  for (const [why, argv, input] of COMMANDS) {
    const error = await show(vm, print, why, argv, input)
    if (error === null) continue
    await actovisor.close({ graceMs: 0 })
    return failed(print, error)
  }
  const closing = performance.now()
  const closed = await vm.close()
  await actovisor.close()
  if (closed.isErr()) return failed(print, closed.error)
  print(`\n${since()}  powered off and closed in ${(performance.now() - closing).toFixed(1)} ms`)
  return 0
}

const show = async (
  vm: Vm,
  print: (text: string) => void,
  why: string,
  argv: readonly string[],
  input: string | undefined,
): Promise<ActovisorError | null> => {
  const before = performance.now()
  const ran = await vm.exec(argv, input === undefined ? {} : { input })
  if (ran.isErr()) return ran.error
  const took = performance.now() - before
  const { text, errorText, exitCode } = ran.value
  print(`\n  ${why}\n  $ ${argv.map(quoted).join(' ')}`)
  for (const [stream, content] of [
    ['out', text],
    ['err', errorText],
  ] as const)
    for (const line of content.split('\n').filter((part) => part !== '')) print(`    ${stream} | ${line}`)
  print(`    exit code ${exitCode}, ${took.toFixed(1)} ms`)
  return null
}

const quoted = (word: string): string => (/^[\w./-]+$/.test(word) ? word : `'${word}'`)

const failed = (print: (text: string) => void, error: ActovisorError): number => {
  print(`actovisor: ${error.message}`)
  if ('consoleTail' in error && error.consoleTail !== '') print(error.consoleTail.replaceAll(/^/gm, '  | '))
  return 1
}

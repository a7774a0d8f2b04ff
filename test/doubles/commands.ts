import { Stream } from '../../src/agent/generated/agent_pb.ts'
import type { Command, ScriptedProcess } from './scripted-process.ts'

const PORTION = 64 * 1024

/** The programs of the scripted guest, by name. */
export const commands: Readonly<Record<string, Command>> = {
  true: { start: (process) => process.exit({ code: 0 }) },
  echo: { start: (process) => print(process, `${process.arguments.join(' ')}\n`) },
  env: { start: (process) => print(process, process.exec.env.join('\n')) },
  where: { start: (process) => print(process, `${process.exec.cwd} ${process.exec.user}`) },
  /** One line on each output stream, then the given status. */
  both: {
    start: (process) => {
      process.write(Stream.STDOUT, 'out\n')
      process.write(Stream.STDERR, 'err\n')
      process.exit({ code: Number(process.arguments[0] ?? 0) })
    },
  },
  sleep: { start: () => {} },
  /** Does not answer to being cancelled. */
  stubborn: { ignoresCancel: true },
  'die-of': { start: (process) => process.exit({ signal: Number(process.arguments[0]) }) },
  cat: {
    input: (process, bytes) => echoInput(process, bytes),
    inputEnd: (process) => process.exit({ code: 0 }),
  },
  /** Counts its input. */
  count: {
    input: (process, bytes) => {
      counts.set(process, (counts.get(process) ?? 0) + bytes.length)
      credit(process, bytes.length)
    },
    inputEnd: (process) => print(process, String(counts.get(process) ?? 0)),
  },
  /** Reads nothing of its input. */
  deaf: {},
  /** Writes so many bytes, within its grants. */
  flood: { start: (process) => process.writeAll(portions(Number(process.arguments[0]))) },
  /** Writes so many single bytes. */
  drip: {
    start: (process) => {
      for (let n = Number(process.arguments[0]); n > 0; n -= 1) process.write(Stream.STDOUT, '.')
      process.exit({ code: 0 })
    },
  },
  /** Prints what happens to its terminal until it is told to stop. */
  terminal: {
    start: (process) => process.write(Stream.STDOUT, sizeLine(process.exec.tty)),
    resize: (process, rows, columns) => process.write(Stream.STDOUT, sizeLine({ rows, columns })),
    signal: (process, number) => {
      process.write(Stream.STDOUT, `signal ${number}\n`)
      process.exit({ code: 0 })
    },
  },
  panic: { start: ({ agent }) => agent.vm.exit('guest-panic', 'Kernel panic - not syncing: scripted') },
  disconnect: { start: ({ agent }) => agent.vm.disconnect('the agent died') },
  defect: { start: ({ agent }) => agent.vm.breakDown() },
  /** Sends beyond its grant. */
  overrun: {
    start: (process) => {
      for (let n = 0; n < 5; n += 1) send(process, Buffer.alloc(PORTION))
    },
  },
  oversize: { start: (process) => send(process, Buffer.alloc(200 * 1024)) },
  garbage: { start: ({ agent }) => agent.sendRaw(Buffer.alloc(32, 0xff)) },
  /** Goes on about a request that it has answered. */
  late: {
    start: (process) => {
      const { agent, request } = process
      process.exit({ code: 0 })
      for (let n = 0; n < 3; n += 1) agent.send(request, { case: 'eof', value: { stream: Stream.STDOUT } })
    },
  },
  'thread-exit': { start: () => process.exit(3) },
  'thread-throw': {
    start: () => {
      setTimeout(() => {
        throw new Error('scripted: thrown in the host thread')
      })
    },
  },
  'thread-oom': {
    start: () => {
      const kept: number[][] = []
      for (;;) kept.push(Array.from({ length: 100_000 }, (_, index) => index))
    },
  },
  'thread-spin': {
    start: () => {
      for (;;);
    },
  },
}

function* portions(total: number): Generator<Uint8Array> {
  for (let at = 0; at < total; at += PORTION)
    yield Buffer.alloc(Math.min(PORTION, total - at), (at / PORTION) % 256)
}

const counts = new WeakMap<ScriptedProcess, number>()

const print = (process: ScriptedProcess, text: string): void => {
  process.write(Stream.STDOUT, text)
  process.exit({ code: 0 })
}

const echoInput = (process: ScriptedProcess, bytes: Uint8Array): void => {
  process.write(Stream.STDOUT, bytes)
  // The real program would read no more while its output is blocked.
  if (process.backlog < 4 * PORTION) credit(process, bytes.length)
  else setImmediate(() => creditWhenDrained(process, bytes.length))
}

const creditWhenDrained = (process: ScriptedProcess, bytes: number): void => {
  if (process.agent.stopped) return
  if (process.backlog < 4 * PORTION) credit(process, bytes)
  else setImmediate(() => creditWhenDrained(process, bytes))
}

const credit = ({ agent, request }: ScriptedProcess, bytes: number): void =>
  agent.send(request, { case: 'credit', value: { stream: Stream.STDIN, bytes } })

const send = ({ agent, request }: ScriptedProcess, bytes: Uint8Array): void =>
  agent.send(request, { case: 'data', value: { stream: Stream.STDOUT, bytes } })

const sizeLine = (size: { readonly rows: number; readonly columns: number } | undefined): string =>
  `${size?.rows ?? 0}x${size?.columns ?? 0}\n`

import type { Exec, ToAgent } from '../../src/agent/generated/agent_pb.ts'
import { Failed_Code, Stream } from '../../src/agent/generated/agent_pb.ts'
import { commands } from './commands.ts'
import type { Conversation, ScriptedAgent } from './scripted-agent.ts'

const PORTION = 64 * 1024

/** What a command of the double is made of. */
export interface Command {
  readonly start?: (process: ScriptedProcess) => void
  readonly input?: (process: ScriptedProcess, bytes: Uint8Array) => void
  readonly inputEnd?: (process: ScriptedProcess) => void
  readonly signal?: (process: ScriptedProcess, number: number) => void
  readonly resize?: (process: ScriptedProcess, rows: number, columns: number) => void
  readonly ignoresCancel?: boolean
}

/** A program of a scripted agent; it keeps to the grants unless its command says otherwise. */
export class ScriptedProcess implements Conversation {
  readonly agent: ScriptedAgent
  readonly request: number
  readonly exec: Exec
  readonly #command: Command | undefined
  readonly #startedAt = process.hrtime.bigint()
  readonly #room = new Map<Stream, number>([
    [Stream.STDOUT, 256 * 1024],
    [Stream.STDERR, 256 * 1024],
  ])
  #queue: { readonly stream: Stream; bytes: Uint8Array }[] = []
  #more: Iterator<Uint8Array> | null = null
  #exit: { readonly code?: number; readonly signal?: number; readonly timedOut?: boolean } | null = null
  #timer: NodeJS.Timeout | null = null
  #over = false

  constructor(agent: ScriptedAgent, request: number, exec: Exec) {
    this.agent = agent
    this.request = request
    this.exec = exec
    this.#command = commands[exec.argv[0] ?? '']
  }

  get arguments(): readonly string[] {
    return this.exec.argv.slice(1)
  }

  start(): void {
    if (this.#command === undefined)
      return this.agent.refuse(
        this.request,
        Failed_Code.NOT_FOUND,
        'execve',
        `${this.exec.argv[0]}: not found in PATH`,
        2,
      )
    this.agent.send(this.request, { case: 'started', value: { pid: 100 + this.request } })
    if (this.exec.timeoutMs > 0n)
      this.#timer = setTimeout(() => this.exit({ signal: 9, timedOut: true }), Number(this.exec.timeoutMs))
    this.#command.start?.(this)
  }

  write(stream: Stream, bytes: Uint8Array | string): void {
    this.#queue.push({
      stream,
      bytes: typeof bytes === 'string' ? Buffer.from(bytes) : Uint8Array.from(bytes),
    })
    this.continue()
  }

  /** Writes what `more` makes, each part when the one before has been sent, and exits. */
  writeAll(more: Iterator<Uint8Array>): void {
    this.#more = more
    this.continue()
  }

  /** What has not been sent yet. */
  get backlog(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /** Ends when all that was written is sent. */
  exit(how: { readonly code?: number; readonly signal?: number; readonly timedOut?: boolean }): void {
    this.#exit ??= how
    if (how.signal !== undefined) {
      this.#queue = []
      this.#more = null
    }
    this.continue()
  }

  continue(): void {
    if (this.#over) return
    for (let first = this.#first(); first !== undefined && !this.agent.blocked; first = this.#first()) {
      const room = Math.min(PORTION, this.#room.get(first.stream) ?? 0)
      if (room === 0) return
      const bytes = first.bytes.subarray(0, room)
      this.agent.send(this.request, { case: 'data', value: { stream: first.stream, bytes } })
      this.#room.set(first.stream, (this.#room.get(first.stream) ?? 0) - bytes.length)
      first.bytes = first.bytes.subarray(bytes.length)
      if (first.bytes.length === 0) this.#queue.shift()
    }
    if (this.#exit !== null && this.#queue.length === 0 && this.#more === null) this.#finish(this.#exit)
  }

  #first(): { readonly stream: Stream; bytes: Uint8Array } | undefined {
    const part = this.#queue.length === 0 ? this.#more?.next() : undefined
    if (part?.done === false) this.#queue.push({ stream: Stream.STDOUT, bytes: part.value })
    if (part?.done === true) {
      this.#more = null
      this.#exit ??= { code: 0 }
    }
    return this.#queue[0]
  }

  handle(body: ToAgent['body']): void {
    switch (body.case) {
      case 'data':
        return this.#command?.input?.(this, body.value.bytes)
      case 'eof':
        return this.#command?.inputEnd?.(this)
      case 'credit':
        this.#room.set(body.value.stream, (this.#room.get(body.value.stream) ?? 0) + body.value.bytes)
        return this.continue()
      case 'signal':
        if (this.#command?.signal === undefined) return this.exit({ signal: body.value.number })
        return this.#command.signal(this, body.value.number)
      case 'resize':
        return this.#command?.resize?.(this, body.value.size?.rows ?? 0, body.value.size?.columns ?? 0)
      case 'cancel':
        if (this.#command?.ignoresCancel === true) return
        return this.exit({ signal: 9 })
      default:
        throw new Error(`the double does not expect ${body.case} on an open request`)
    }
  }

  #finish(how: { readonly code?: number; readonly signal?: number; readonly timedOut?: boolean }): void {
    this.#over = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const streams = this.exec.tty === undefined ? [Stream.STDOUT, Stream.STDERR] : [Stream.STDOUT]
    for (const stream of streams) this.agent.send(this.request, { case: 'eof', value: { stream } })
    const wallNs = process.hrtime.bigint() - this.#startedAt
    this.agent.finish(this.request, { case: 'exited', value: { timedOut: false, ...how, wallNs } })
  }
}

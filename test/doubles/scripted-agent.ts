import { create, fromBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { sizeDelimitedEncode } from '@bufbuild/protobuf/wire'
import { FrameDecoder } from '../../src/agent/frames.ts'
import type { ToAgent } from '../../src/agent/generated/agent_pb.ts'
import { Failed_Code, FromAgentSchema, Stream, ToAgentSchema } from '../../src/agent/generated/agent_pb.ts'
import type { BootScript } from './script.ts'
import { ScriptedFiles } from './scripted-files.ts'
import { ScriptedProcess } from './scripted-process.ts'
import type { ScriptedVm } from './scripted-vm.ts'

export type FromAgentBody = NonNullable<MessageInitShape<typeof FromAgentSchema>['body']>

/** A part of the agent that one request talks to. */
export interface Conversation {
  handle(body: ToAgent['body']): void
  /** The connection has room again. */
  continue(): void
}

/** The guest's end of the connection. */
export interface GuestLink {
  readonly read: () => Uint8Array
  readonly write: (bytes: Uint8Array) => number
}

/** An agent that speaks the wire format and runs commands of its own making. */
export class ScriptedAgent {
  readonly vm: ScriptedVm
  readonly files = new ScriptedFiles(this)
  readonly #script: BootScript
  readonly #link: GuestLink
  readonly #frames = new FrameDecoder()
  readonly #open = new Map<number, Conversation>()
  #unsent = Buffer.alloc(0)
  #stopped = false

  constructor(vm: ScriptedVm, script: BootScript, link: GuestLink) {
    this.vm = vm
    this.#script = script
    this.#link = link
  }

  start(): void {
    if (this.#script.boot === 'silent') return
    if (this.#script.boot === 'garbage') return this.sendRaw(Buffer.alloc(64, 0xff))
    const protocol = this.#script.boot === 'wrong-version' ? 99 : 1
    this.send(0, {
      case: 'hello',
      value: { protocol, agentVersion: '0.0.0-double', kernel: '6.12.0-double', startedNs: 1n, readyNs: 2n },
    })
  }

  stop(): void {
    this.#stopped = true
    this.#open.clear()
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Whether the connection takes no more for now. */
  get blocked(): boolean {
    return this.#unsent.length > 0
  }

  send(request: number, body: FromAgentBody): void {
    this.sendRaw(sizeDelimitedEncode(FromAgentSchema, create(FromAgentSchema, { request, body })))
  }

  sendRaw(bytes: Uint8Array): void {
    if (this.#stopped) return
    this.#unsent = Buffer.concat([this.#unsent, bytes])
    this.#flush()
  }

  /** Sends the last message of a request. */
  finish(request: number, body: FromAgentBody): void {
    this.#open.delete(request)
    this.send(request, body)
  }

  refuse(request: number, code: Failed_Code, step: string, message: string, errno = 0): void {
    this.finish(request, { case: 'failed', value: { code, errno, step, message } })
  }

  writable(): void {
    if (this.#unsent.length === 0) return
    this.#flush()
    if (this.#unsent.length === 0) for (const conversation of this.#open.values()) conversation.continue()
  }

  readable(): void {
    for (let bytes = this.#link.read(); bytes.length > 0 && !this.#stopped; bytes = this.#link.read())
      this.#frames.push(bytes, (body) => this.#message(fromBinary(ToAgentSchema, body)))
  }

  #flush(): void {
    while (this.#unsent.length > 0) {
      const taken = this.#link.write(this.#unsent)
      if (taken === 0) return
      this.#unsent = this.#unsent.subarray(taken)
    }
  }

  #message({ request, body }: ToAgent): void {
    const open = this.#open.get(request)
    if (open !== undefined) return open.handle(body)
    switch (body.case) {
      case 'exec': {
        const process = new ScriptedProcess(this, request, body.value)
        this.#open.set(request, process)
        return process.start()
      }
      case 'ping':
        return this.finish(request, { case: 'done', value: {} })
      case 'poweroff':
        this.finish(request, { case: 'done', value: {} })
        if (!this.#script.ignoresPoweroff) this.vm.exit('reset', 'the guest powered off')
        return
      case 'writeFile':
      case 'readFile': {
        const transfer = this.files.open(request, body)
        if (transfer !== null) this.#open.set(request, transfer)
        return transfer?.continue()
      }
      case 'stat':
      case 'list':
      case 'remove':
        return this.files.answer(request, body)
      default:
        // About a request that has ended; the real agent drops those too.
        return
    }
  }
}

export { Failed_Code, Stream }

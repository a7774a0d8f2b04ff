import type { ToAgent } from '../../src/agent/generated/agent_pb.ts'
import { Failed_Code, FileType, Stream } from '../../src/agent/generated/agent_pb.ts'
import type { Conversation, ScriptedAgent } from './scripted-agent.ts'

const PORTION = 64 * 1024

/** The file system of a scripted agent: names and contents, no directories. */
export class ScriptedFiles {
  readonly #agent: ScriptedAgent
  readonly #files = new Map<string, Buffer>([['/etc/hostname', Buffer.from('double\n')]])

  constructor(agent: ScriptedAgent) {
    this.#agent = agent
  }

  open(request: number, body: ToAgent['body']): Conversation | null {
    if (body.case === 'writeFile') return this.#write(request, body.value.path)
    if (body.case !== 'readFile') return null
    const contents = this.#files.get(body.value.path)
    if (contents === undefined) return this.#missing(request, body.value.path)
    const from = Number(body.value.offset)
    const to = body.value.length === 0n ? contents.length : from + Number(body.value.length)
    return this.#read(request, contents.subarray(from, to))
  }

  answer(request: number, body: ToAgent['body']): void {
    if (body.case === 'list') {
      const names = [...this.#files.keys()].filter((name) => name.startsWith(body.value.path))
      this.#agent.send(request, {
        case: 'entries',
        value: { entries: names.map((name) => this.#info(name)) },
      })
      return this.#agent.finish(request, { case: 'done', value: {} })
    }
    if (body.case !== 'stat' && body.case !== 'remove') return
    const { path } = body.value
    if (!this.#files.has(path)) return void this.#missing(request, path)
    if (body.case === 'stat') return this.#agent.finish(request, { case: 'info', value: this.#info(path) })
    this.#files.delete(path)
    this.#agent.finish(request, { case: 'done', value: {} })
  }

  #info(name: string) {
    const size = BigInt(this.#files.get(name)?.length ?? 0)
    return { name, type: FileType.REGULAR, mode: 0o644, size, modifiedNs: 5n, inode: 1n, links: 1 }
  }

  #missing(request: number, path: string): null {
    this.#agent.refuse(request, Failed_Code.NOT_FOUND, 'open', `${path}: no such file`, 2)
    return null
  }

  #read(request: number, contents: Buffer): Conversation {
    let rest = contents
    let room = 256 * 1024
    const next = () => {
      while (rest.length > 0 && room > 0 && !this.#agent.blocked) {
        const bytes = rest.subarray(0, Math.min(PORTION, room))
        this.#agent.send(request, { case: 'data', value: { stream: Stream.FILE, bytes } })
        room -= bytes.length
        rest = rest.subarray(bytes.length)
      }
      if (rest.length > 0) return
      this.#agent.send(request, { case: 'eof', value: { stream: Stream.FILE } })
      this.#agent.finish(request, { case: 'done', value: { bytes: BigInt(contents.length) } })
    }
    return {
      continue: next,
      handle: (body) => {
        if (body.case === 'cancel')
          return this.#agent.refuse(request, Failed_Code.CANCELLED, 'read', 'given up')
        if (body.case !== 'credit') return
        room += body.value.bytes
        next()
      },
    }
  }

  #write(request: number, path: string): Conversation {
    const parts: Uint8Array[] = []
    return {
      continue: () => {},
      handle: (body) => {
        if (body.case === 'cancel')
          return this.#agent.refuse(request, Failed_Code.CANCELLED, 'write', 'given up')
        if (body.case === 'data') {
          parts.push(Uint8Array.from(body.value.bytes))
          const bytes = body.value.bytes.length
          return this.#agent.send(request, { case: 'credit', value: { stream: Stream.FILE, bytes } })
        }
        if (body.case !== 'eof') return
        const contents = Buffer.concat(parts)
        this.#files.set(path, contents)
        this.#agent.finish(request, { case: 'done', value: { bytes: BigInt(contents.length) } })
      },
    }
  }
}

import { create, fromBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { sizeDelimitedEncode } from '@bufbuild/protobuf/wire'
import type { ClientHandlers } from '../../src/agent/client.ts'
import { AgentClient } from '../../src/agent/client.ts'
import type { AgentFailure } from '../../src/agent/failure.ts'
import { FrameDecoder } from '../../src/agent/frames.ts'
import type { Hello, ToAgent } from '../../src/agent/generated/agent_pb.ts'
import { FromAgentSchema, ToAgentSchema } from '../../src/agent/generated/agent_pb.ts'
import type { ByteLink } from '../../src/agent/link.ts'

type Body = NonNullable<MessageInitShape<typeof FromAgentSchema>['body']>

/** The other end of a client's connection, played by the test. */
export class Peer {
  readonly client: AgentClient
  readonly received: ToAgent[] = []
  readonly ends: AgentFailure[] = []
  readonly hellos: Hello[] = []
  /** Reads that were put off until other work has had its turn. */
  readonly postponed: (() => void)[] = []
  /** What the link takes before it is full. */
  capacity = Infinity
  closed = false
  readonly #frames = new FrameDecoder()
  #incoming: Uint8Array[] = []
  #atEnd = false

  constructor() {
    const link: ByteLink = {
      read: (maxBytes) => this.#read(maxBytes),
      write: (bytes) => this.#write(bytes),
      close: () => {
        this.closed = true
      },
    }
    const handlers: ClientHandlers = {
      onReady: (hello) => this.hellos.push(hello),
      onEnd: (failure) => this.ends.push(failure),
      yieldReading: (resume) => this.postponed.push(resume),
    }
    this.client = new AgentClient(link, handlers)
  }

  /** A peer that has introduced itself. */
  static ready(): Peer {
    const peer = new Peer()
    peer.send(0, { case: 'hello', value: { protocol: 1, agentVersion: '1', kernel: '6', readyNs: 5n } })
    return peer
  }

  /** The id of the request that was opened last. */
  get lastRequest(): number {
    return this.received.at(-1)?.request ?? 0
  }

  get bodies(): (string | undefined)[] {
    return this.received.map(({ body }) => body.case)
  }

  /** Messages of one kind, as their values. */
  only<C extends keyof ToAgentValues>(kind: C): ToAgentValues[C][] {
    return this.received.flatMap(({ body }) => (isCase(body, kind) ? [body.value] : []))
  }

  send(request: number, body: Body): void {
    this.sendRaw(frame(request, body))
  }

  sendRaw(...chunks: Uint8Array[]): void {
    this.#incoming.push(...chunks)
    this.client.readable()
  }

  end(): void {
    this.#atEnd = true
    this.client.readable()
  }

  #read(maxBytes: number): Uint8Array | null {
    const chunk = this.#incoming.shift()
    if (chunk === undefined) return this.#atEnd ? null : new Uint8Array(0)
    if (chunk.length > maxBytes) this.#incoming.unshift(chunk.subarray(maxBytes))
    return chunk.subarray(0, maxBytes)
  }

  #write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.capacity)
    this.capacity -= taken
    // The client may reuse what it wrote.
    this.#frames.push(Uint8Array.from(bytes.subarray(0, taken)), (body) =>
      this.received.push(fromBinary(ToAgentSchema, body)),
    )
    return taken
  }
}

/** A message of the agent as it is on the wire. */
export const frame = (request: number, body: Body): Uint8Array =>
  sizeDelimitedEncode(FromAgentSchema, create(FromAgentSchema, { request, body }))

type ToAgentBody = Extract<ToAgent['body'], { case: string }>
type ToAgentValues = { [B in ToAgentBody as B['case']]: B['value'] }

const isCase = <C extends keyof ToAgentValues>(
  body: ToAgent['body'],
  kind: C,
): body is ToAgent['body'] & { case: C; value: ToAgentValues[C] } => body.case === kind

import type { Call, CallHandlers, CallShape, Terminal } from './call.ts'
import type { AgentClient } from './client.ts'
import type { Outcome } from './failure.ts'
import { fail, succeed } from './failure.ts'
import type { FileInfo } from './generated/agent_pb.ts'
import { FileType, Stream } from './generated/agent_pb.ts'
import { MAX_LIST_ENTRIES } from './limits.ts'
import type {
  FetchFileRequest,
  FileKind,
  FileReport,
  ListRequest,
  ReadFileRequest,
  RemoveRequest,
  StatRequest,
  WriteFileRequest,
} from './requests.ts'
import { Collector } from './transfer.ts'

/** Tells about one file. */
export const stat = (client: AgentClient, request: StatRequest, done: Done<FileReport>): Call =>
  client.call({ case: 'stat', value: { ...request } }, shape({ terminal: 'info' }), {
    onEnd: (outcome) => done(mapOutcome(outcome, (last) => fileReport(infoOf(last)))),
  })

/** Tells about every file of a directory; too many of them give the request up. */
export const list = (client: AgentClient, request: ListRequest, done: Done<FileReport[]>): Call => {
  const files: FileReport[] = []
  let overflowed = false
  const call = client.call({ case: 'list', value: { ...request } }, shape({ entries: true }), {
    onEntries: (entries) => {
      if (!overflowed) files.push(...entries.map(fileReport))
      if (overflowed || files.length <= MAX_LIST_ENTRIES) return
      overflowed = true
      files.length = 0
      call.cancel()
    },
    onEnd: (outcome) =>
      done(
        overflowed
          ? fail({ _tag: 'TooManyEntries', limit: MAX_LIST_ENTRIES })
          : mapOutcome(outcome, () => files),
      ),
  })
  return call
}

/** Removes a file, or a directory with all that is in it. */
export const remove = (client: AgentClient, request: RemoveRequest, done: Done<null>): Call =>
  client.call({ case: 'remove', value: { ...request } }, shape({}), {
    onEnd: (outcome) => done(mapOutcome(outcome, () => null)),
  })

/** Reads a file, or a part of it, into memory. */
export const fetchFile = (client: AgentClient, request: FetchFileRequest, done: Done<Uint8Array>): Call => {
  const collector = new Collector(request.maxBytes)
  const call = readFile(client, request, {
    onData: (stream, bytes) => collector.take(call, stream, bytes),
    onEnd: (outcome) =>
      done(
        collector.overflowed
          ? fail({ _tag: 'OutputLimit', limitBytes: collector.limitBytes })
          : mapOutcome(outcome, () => collector.bytes(Stream.FILE)),
      ),
  })
  return call
}

/** Reads a file as a stream. */
export const readFile = (client: AgentClient, request: ReadFileRequest, handlers: CallHandlers): Call =>
  client.call(
    { case: 'readFile', value: { path: request.path, offset: request.offset, length: request.length } },
    shape({ incoming: [Stream.FILE] }),
    handlers,
  )

/** Writes a file as a stream; it appears under its name when the stream ends. */
export const writeFile = (client: AgentClient, request: WriteFileRequest, handlers: CallHandlers): Call =>
  client.call({ case: 'writeFile', value: { ...request } }, shape({ outgoing: [Stream.FILE] }), handlers)

type Done<A> = (outcome: Outcome<A>) => void

const shape = (differences: Partial<CallShape>): CallShape => ({
  terminal: 'done',
  incoming: [],
  outgoing: [],
  started: false,
  entries: false,
  ...differences,
})

const mapOutcome = <A>(outcome: Outcome<Terminal>, value: (last: Terminal) => A): Outcome<A> =>
  outcome.ok ? succeed(value(outcome.value)) : outcome

const infoOf = (last: Terminal): FileInfo | null => (last.case === 'info' ? last.value : null)

const fileReport = (info: FileInfo | null): FileReport => ({
  name: info?.name ?? '',
  kind: kinds.get(info?.type ?? FileType.UNSPECIFIED) ?? 'unknown',
  mode: info?.mode ?? 0,
  uid: info?.uid ?? 0,
  gid: info?.gid ?? 0,
  size: info?.size ?? 0n,
  modifiedNs: info?.modifiedNs ?? 0n,
  inode: info?.inode ?? 0n,
  links: info?.links ?? 0,
  target: info?.target ?? '',
})

const kinds = new Map<FileType, FileKind>([
  [FileType.REGULAR, 'regular'],
  [FileType.DIRECTORY, 'directory'],
  [FileType.SYMLINK, 'symlink'],
  [FileType.CHARACTER, 'character'],
  [FileType.BLOCK, 'block'],
  [FileType.FIFO, 'fifo'],
  [FileType.SOCKET, 'socket'],
])

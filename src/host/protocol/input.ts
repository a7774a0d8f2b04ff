import type { ReadFileRequest, SpawnRequest, WriteFileRequest } from '../../agent/requests.ts'

/** A stream of the guest, as it is named between the threads. */
export type FlowStream = 'stdout' | 'stderr' | 'file'

/** What the main thread sends beside the control calls: streams, where order and speed matter. */
export type FlowInput =
  | { readonly type: 'spawn'; readonly op: number; readonly request: SpawnRequest }
  | { readonly type: 'read-file'; readonly op: number; readonly request: ReadFileRequest }
  | { readonly type: 'write-file'; readonly op: number; readonly request: WriteFileRequest }
  | { readonly type: 'data'; readonly op: number; readonly bytes: Uint8Array }
  | { readonly type: 'eof'; readonly op: number }
  /** The reader took so many bytes. */
  | { readonly type: 'consumed'; readonly op: number; readonly stream: FlowStream; readonly bytes: number }
  | { readonly type: 'cancel'; readonly op: number }

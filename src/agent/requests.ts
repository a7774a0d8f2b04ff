/** The program of an exec or a spawn, complete: nothing is defaulted below this. */
export interface Program {
  readonly argv: readonly string[]
  /** The whole environment, "NAME=value" each. */
  readonly env: readonly string[]
  readonly cwd: string
  readonly user: string
  /** Milliseconds after which the agent kills the process group; 0: never. */
  readonly timeoutMs: number
}

/** Runs a program and collects what it writes. */
export interface ExecRequest extends Program {
  /** All of standard input; null for /dev/null. */
  readonly input: Uint8Array | null
  /** Bytes of both output streams together above which the request is given up. */
  readonly maxOutputBytes: number
}

/** Runs a program whose streams stay open. */
export interface SpawnRequest extends Program {
  readonly tty: WindowSize | null
  readonly stdin: boolean
}

export interface WindowSize {
  readonly rows: number
  readonly columns: number
}

/** How a program ended: one of `code` and `signal` is a number. */
export interface ExitReport {
  readonly code: number | null
  readonly signal: number | null
  readonly timedOut: boolean
  readonly wallNs: bigint
}

export interface ExecReport extends ExitReport {
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
}

export interface WriteFileRequest {
  readonly path: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly parents: boolean
}

export interface ReadFileRequest {
  readonly path: string
  readonly offset: bigint
  /** 0: to the end. */
  readonly length: bigint
}

/** Reads a file whole, up to a limit. */
export interface FetchFileRequest extends ReadFileRequest {
  readonly maxBytes: number
}

export interface StatRequest {
  readonly path: string
  readonly follow: boolean
}

export interface ListRequest {
  readonly path: string
}

export interface RemoveRequest {
  readonly path: string
  readonly recursive: boolean
}

export type FileKind =
  'regular' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket' | 'unknown'

/** What the guest says about a file. */
export interface FileReport {
  readonly name: string
  readonly kind: FileKind
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: bigint
  readonly modifiedNs: bigint
  readonly inode: bigint
  readonly links: number
  /** Of a symbolic link. */
  readonly target: string
}

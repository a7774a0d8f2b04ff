/** What `actovisor run` was asked for, checked. */
export interface RunOptions {
  readonly argv: readonly string[]
  /** Folder of an OCI image layout; null: the base image. */
  readonly image: string | null
  readonly memoryMib: number | null
  readonly vcpus: number | null
  /** Added to the environment of the image, each "NAME=value". */
  readonly env: readonly string[]
  readonly workdir: string | null
  readonly user: string | null
  /** For the whole run, the boot included; null: no limit. */
  readonly timeoutMs: number | null
  readonly interactive: boolean
  readonly tty: boolean
  readonly verbose: boolean
  readonly json: boolean
}

/**
 * The byte stream to an agent, as the client needs it: pulled, never blocking.
 * Its owner tells the client through `readable`, `writable` and `closed`.
 */
export interface ByteLink {
  /** Up to `maxBytes`; empty when nothing is there now; null at the end of the stream. */
  read(maxBytes: number): Uint8Array | null
  /** Takes a prefix of `bytes` and answers its length, 0 when there is no room. */
  write(bytes: Uint8Array): number
  close(): void
}

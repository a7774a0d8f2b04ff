/** What one image may cost; each limit has an error of its own, LimitExceeded with this name. */
export interface ImageLimits {
  /** Bytes of the finished disk, and of all layers together once uncompressed. */
  readonly bytes: number
  /** Entries of all layers together; each costs about half a kilobyte of memory until the disk is written. */
  readonly entries: number
  readonly layers: number
  /** Bytes of one component of a path; 255 is what Linux and erofs allow. */
  readonly nameBytes: number
  /** Directories on the way to an entry. */
  readonly pathDepth: number
  /** Bytes of a link's target; Linux allows 4095. */
  readonly linkBytes: number
  /** Bytes of one extended header of an entry (long names, extended attributes, sparse maps). */
  readonly headerBytes: number
  /** Bytes of one JSON document. */
  readonly documentBytes: number
}

/** Defaults, above anything seen in public images and below what would hurt a host. */
export const defaultLimits: ImageLimits = {
  bytes: 64 * 2 ** 30,
  entries: 1_000_000,
  layers: 512,
  nameBytes: 255,
  pathDepth: 512,
  linkBytes: 4095,
  headerBytes: 2 ** 20,
  documentBytes: 4 * 2 ** 20,
}

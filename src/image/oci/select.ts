import { PlatformNotFound, ReferenceNotFound } from '../errors.ts'
import type { Descriptor } from './blob.ts'
import { Field } from './document.ts'
import { isDigest } from './digest.ts'

/** The platform of the guest, as images name it. */
export const PLATFORM = { os: 'linux', architecture: 'amd64' } as const

/** A descriptor in an index. */
export interface IndexEntry extends Descriptor {
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant: string } | null
  readonly annotations: Readonly<Record<string, string>>
}

const REFERENCE_NAMES = ['org.opencontainers.image.ref.name', 'io.containerd.image.name']

/** The manifests and nested indexes that an index lists. */
export function parseIndex(path: string, bytes: Buffer): IndexEntry[] {
  const top = Field.parse(path, bytes)
  if (top.get('schemaVersion').count() !== 2) throw top.get('schemaVersion').invalid('2')
  return top.get('manifests').list().map(parseEntry)
}

/** A descriptor whose digest is safe to make a path of. */
export function parseDescriptor(field: Field): Descriptor {
  const digest = field.get('digest')
  if (!isDigest(digest.string())) throw digest.invalid('a sha256 or sha512 digest')
  return {
    mediaType: field.get('mediaType').string(),
    digest: digest.string(),
    size: field.get('size').count(),
  }
}

function parseEntry(field: Field): IndexEntry {
  const platform = field.get('platform')
  return {
    ...parseDescriptor(field),
    annotations: field.get('annotations').record(),
    platform: platform.present
      ? {
          os: platform.get('os').string(),
          architecture: platform.get('architecture').string(),
          variant: platform.get('variant').stringOr(''),
        }
      : null,
  }
}

/** The entries with a reference name, or with a digest; all of them when none is asked for. */
export function selectReference(
  path: string,
  entries: readonly IndexEntry[],
  reference: string | undefined,
): readonly IndexEntry[] {
  if (reference === undefined) return entries
  const named = entries.filter(
    ({ digest, annotations }) =>
      digest === reference || REFERENCE_NAMES.some((name) => annotations[name] === reference),
  )
  if (named.length === 0) throw new ReferenceNotFound(path, reference, references(entries))
  return named
}

/** The one entry for the guest's platform, of the plainest variant; entries that name no platform may be it. */
export function selectPlatform(path: string, entries: readonly IndexEntry[]): IndexEntry {
  const fitting = entries.filter(({ platform }) => platform === null || isGuestPlatform(platform))
  const [first, ...others] = fitting.toSorted((a, b) => compare(variant(a), variant(b)))
  if (first === undefined)
    throw new PlatformNotFound(path, platformName(PLATFORM), entries.map(entryPlatform))
  const rival = others.find((entry) => variant(entry) === variant(first) && entry.digest !== first.digest)
  if (rival !== undefined) throw new ReferenceNotFound(path, null, references(entries))
  return first
}

export function isGuestPlatform({ os, architecture }: { os: string; architecture: string }): boolean {
  return os === PLATFORM.os && architecture === PLATFORM.architecture
}

export function platformName({ os, architecture }: { os: string; architecture: string }): string {
  return `${os}/${architecture}`
}

function entryPlatform({ platform }: IndexEntry): string {
  return platform === null ? 'an unnamed platform' : platformName(platform)
}

// v1 is the plain architecture; v2 and above need newer processors.
function variant({ platform }: IndexEntry): string {
  return platform === null || platform.variant === 'v1' ? '' : platform.variant
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const MAX_LISTED = 20

function references(entries: readonly IndexEntry[]): string[] {
  const names = entries.map(
    ({ digest, annotations }) => REFERENCE_NAMES.map((name) => annotations[name]).find(Boolean) ?? digest,
  )
  return [...new Set(names)].slice(0, MAX_LISTED)
}

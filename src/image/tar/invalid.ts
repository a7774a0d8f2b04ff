/** A malformed archive; whoever knows which layer it is turns this into LayerInvalid. */
export class TarInvalid extends Error {
  readonly entry: string | null
  constructor(reason: string, entry: string | null) {
    super(reason)
    this.name = 'TarInvalid'
    this.entry = entry
  }
}

/** A name as kept here, one character a byte, in a form fit for a message. */
export function printable(name: string): string {
  const text = Buffer.from(name, 'latin1').toString('utf8')
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

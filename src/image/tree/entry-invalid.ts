/** An entry cannot be placed where its archive wants it; the caller knows which entry of which layer. */
export class EntryInvalid extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'EntryInvalid'
  }
}

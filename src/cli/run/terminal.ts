import type { ReadStream, WriteStream } from 'node:tty'

export interface WindowSize {
  readonly rows: number
  readonly columns: number
}

/** What a terminal is taken for when its size cannot be asked. */
const DEFAULT_SIZE: WindowSize = { rows: 24, columns: 80 }

/** The size of the terminal that a stream leads to. */
export const windowSize = (output: Pick<WriteStream, 'isTTY' | 'rows' | 'columns'>): WindowSize =>
  output.isTTY && output.rows > 0 && output.columns > 0
    ? { rows: output.rows, columns: output.columns }
    : DEFAULT_SIZE

/** Gives the command in the guest our terminal: every key goes to it as it is, and every change of size. */
export class SharedTerminal implements Disposable {
  readonly #input: ReadStream | null
  readonly #output: WriteStream
  readonly #resize: () => void

  /** `input` is null where the command gets no input, or ours is not a terminal. */
  constructor(input: ReadStream | null, output: WriteStream, onResize: (size: WindowSize) => void) {
    this.#input = input
    this.#output = output
    this.#resize = () => onResize(windowSize(output))
    input?.setRawMode(true)
    output.on('resize', this.#resize)
  }

  [Symbol.dispose](): void {
    this.#output.off('resize', this.#resize)
    this.#input?.setRawMode(false)
  }
}

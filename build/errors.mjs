/** A failure of the build that the person at the terminal can act on. */
export class BuildError extends Error {
  /**
   * @param {string} message what failed, with the value concerned
   * @param {string} [advice] what to do about it
   * @param {{ cause?: unknown, output?: string }} [details] `output`: the last lines that the failing command wrote
   */
  constructor(message, advice, details = {}) {
    super(message, { cause: details.cause })
    this.name = 'BuildError'
    this.advice = advice
    this.output = details.output
  }
}

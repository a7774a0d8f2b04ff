import type { Result, ResultAsync } from 'neverthrow'

/** The value of a result that must have one; the test fails with its error otherwise. */
export const valueOf = async <A, E>(result: Result<A, E> | ResultAsync<A, E>): Promise<A> => {
  const settled = await result
  if (settled.isErr()) throw settled.error
  return settled.value
}

/** The error of a result that must be one. */
export const errorOf = async <A, E>(result: Result<A, E> | ResultAsync<A, E>): Promise<E> => {
  const settled = await result
  if (settled.isOk()) throw new Error('a value where an error is due')
  return settled.error
}

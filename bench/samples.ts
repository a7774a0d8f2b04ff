/** Durations of one thing measured many times, in milliseconds. */
export interface Summary {
  readonly n: number
  readonly min: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Summarises samples; p99 of fewer than 100 samples is their maximum. */
export function summarise(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new Error('nothing was measured')
  const sorted = samples.toSorted((a, b) => a - b)
  return {
    n: sorted.length,
    min: at(sorted, 0),
    p50: at(sorted, 0.5),
    p99: at(sorted, 0.99),
    max: at(sorted, 1),
  }
}

/** Runs `work` one time after the other and answers how long each took, in ms. */
export async function timeEach(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now()
    await work()
    samples.push(performance.now() - begin)
  }
  return samples
}

// The nearest rank: the smallest sample that so large a part of them does not exceed.
function at(sorted: readonly number[], part: number): number {
  const rank = Math.max(1, Math.ceil(part * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}

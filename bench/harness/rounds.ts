/** One of those that are compared. */
export interface Peer<Sample> {
  readonly name: string;
  /** Measures once. */
  run(): Promise<Sample>;
}

/** A peer's samples, one a round. */
export interface Measured<Sample> {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/**
 * Runs all peers in turn, round after round (A B C, A B C, …), so that a slow minute of the machine touches all of them.
 * @param told of each sample as it comes
 */
export async function interleaved<Sample>(
  peers: readonly Peer<Sample>[],
  rounds: number,
  told: (name: string, round: number, sample: Sample) => void,
): Promise<Measured<Sample>[]> {
  const samples = new Map<string, Sample[]>(peers.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const peer of peers) {
      const sample = await peer.run();
      samples.get(peer.name)?.push(sample);
      told(peer.name, round, sample);
    }
  }
  return peers.map(({ name }) => ({ name, samples: samples.get(name) ?? [] }));
}

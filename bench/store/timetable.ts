/** What happens at an instant: a post in a channel, or somebody who looks at it. */
export interface Happening {
  readonly kind: 'post' | 'poll';
  readonly channel: number;
  /** ms from the beginning. */
  readonly atMs: number;
}

/** Channels, what is posted in them, and who looks. */
export interface PollingPattern {
  readonly channels: number;
  /** Programs that look at every channel, each by its own clock. */
  readonly consumers: number;
  readonly pollMs: number;
  /** Mean time between two posts of a channel; how long it is in each case is left to chance. */
  readonly postMs: number;
  readonly spanMs: number;
}

/**
 * When what happens, in order. Posts come as in a Poisson process; each consumer begins at a time of its own and looks at even distances.
 * @param random in [0, 1)
 */
export function timetable({ channels, consumers, pollMs, postMs, spanMs }: PollingPattern, random: () => number): Happening[] {
  const happenings: Happening[] = [];
  for (let channel = 0; channel < channels; channel++) {
    for (let atMs = gap(postMs, random); atMs < spanMs; atMs += gap(postMs, random))
      happenings.push({ kind: 'post', channel, atMs });
    for (let consumer = 0; consumer < consumers; consumer++) {
      for (let atMs = random() * pollMs; atMs < spanMs; atMs += pollMs) happenings.push({ kind: 'poll', channel, atMs });
    }
  }
  return happenings.sort((a, b) => a.atMs - b.atMs);
}

function gap(meanMs: number, random: () => number): number {
  return -Math.log(1 - random()) * meanMs;
}

import { usageOf } from '../../bench/harness/process-usage.ts';

/** What a process held at one time. */
export interface MemorySample {
  readonly process: string;
  /** Which of its lives. */
  readonly life: number;
  /** From the beginning of the run. */
  readonly atMs: number;
  readonly rssBytes: number;
}

/** A process of ours needs less than this, in bytes; what grows without bound is found by it in any run that is long enough. */
const MOST_BYTES = 512 * 2 ** 20;
/** A life is looked at for growth when it is at least so long: before, caches fill and code is compiled. */
const GROWN_UP_MS = 10 * 60_000;
/** What its last third may hold more than its second, as a factor, and in bytes. */
const MAY_GROW = 1.2;
const MAY_GROW_BYTES = 24 * 2 ** 20;

/** @returns what a process holds now; undefined where it has just ended */
export function sampleOf(process: string, life: number, pid: number, atMs: number): Promise<MemorySample | undefined> {
  return usageOf(pid).then(
    // One that has ended and that nobody has taken note of yet holds nothing, and does not say so in a number.
    ({ rssBytes }) => (rssBytes > 0 ? { process, life, atMs, rssBytes } : undefined),
    () => undefined,
  );
}

/** @returns which processes grow without bound, as far as can be seen */
export function growthIn(samples: readonly MemorySample[]): string[] {
  const findings: string[] = [];
  for (const [name, life] of livesOf(samples)) {
    const most = Math.max(...life.map(({ rssBytes }) => rssBytes));
    if (most > MOST_BYTES) findings.push(`${name} has come to hold ${inMb(most)}`);
    const [first, last] = [life[0], life.at(-1)];
    if (!first || !last || last.atMs - first.atMs < GROWN_UP_MS) continue;
    const third = Math.floor(life.length / 3);
    const before = medianOf(life.slice(third, 2 * third));
    const after = medianOf(life.slice(2 * third));
    if (after > before * MAY_GROW + MAY_GROW_BYTES) findings.push(`${name} grows: ${inMb(before)}, later ${inMb(after)}`);
  }
  return findings;
}

/** @returns for each process what it held at most, and over time */
export function memoryInWords(samples: readonly MemorySample[]): string[] {
  const names = [...new Set(samples.map(({ process }) => process))];
  return names.map((name) => {
    const own = samples.filter(({ process }) => process === name);
    const lives = new Set(own.map(({ life }) => life)).size;
    const shown = 10;
    const over = Array.from({ length: shown }, (_, at) => own[Math.floor((at * (own.length - 1)) / (shown - 1))]);
    const most = Math.max(...own.map(({ rssBytes }) => rssBytes));
    return `${name}: at most ${inMb(most)}, over time ${over.map((one) => inMb(one?.rssBytes ?? 0)).join(' ')} (${lives} lives)`;
  });
}

function livesOf(samples: readonly MemorySample[]): Map<string, MemorySample[]> {
  const lives = new Map<string, MemorySample[]>();
  for (const sample of samples) {
    const name = `${sample.process} (life ${sample.life})`;
    lives.set(name, [...(lives.get(name) ?? []), sample]);
  }
  return lives;
}

function medianOf(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ rssBytes }) => rssBytes).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function inMb(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`;
}

import type { TargetRule } from './plan.ts';

/** The workers' names, which are those of their data directories too. */
export const WORKERS = ['worker-1', 'worker-2'] as const;
/** The processes of ours that ask servers. */
export const PROGRAMS = ['gateway', ...WORKERS] as const;

/** A server that a process goes to. */
type ServerName = 'postgres' | 'redis' | 'rabbitmq' | 'simulator';

const CUT = { kind: 'cut', forMs: [100, 2_000] } as const;
const HANG = { kind: 'hang', forMs: [200, 2_500] } as const;
const FREEZE = { kind: 'freeze', forMs: [200, 3_000] } as const;
const KILL = { kind: 'kill', forMs: [0, 0] } as const;
const RESTART = { kind: 'restart', forMs: [0, 0] } as const;

/** The way from one to another. */
export function wayName(from: string, to: string): string {
  return `${from}/${to}`;
}

/** @param restMs what everything needs is left alone for longer: what nobody can reach does no work in which anything could go wrong */
function way(from: string, to: string, restMs: number): TargetRule {
  return {
    target: wayName(from, to),
    partOf: from,
    faults: [
      { ...CUT, weight: 3, restMs },
      { ...HANG, weight: 2, restMs },
    ],
  };
}

const GATEWAY: TargetRule = {
  target: 'gateway',
  faults: [
    { ...KILL, weight: 2, restMs: 9_000 },
    { ...FREEZE, weight: 2, restMs: 5_000 },
    { ...RESTART, weight: 1, restMs: 9_000 },
  ],
};

function worker(target: string): TargetRule {
  return {
    target,
    faults: [
      // While the other one is away, all hangs on what it does between two of these.
      { ...KILL, weight: 3, restMs: 15_000 },
      { ...FREEZE, weight: 3, restMs: 5_000 },
      { ...RESTART, weight: 1, restMs: 15_000 },
      // A lease lasts 15 s, and after 40 s more another worker takes the account.
      { kind: 'stall', weight: 1, forMs: [16_000, 20_000], restMs: 8_000 },
      { kind: 'away', weight: 1, forMs: [61_000, 64_000], restMs: 8_000 },
    ],
  };
}

const SIMULATOR: TargetRule = {
  target: 'simulator',
  faults: [
    { ...KILL, weight: 2, forMs: [0, 1_500], restMs: 7_000 },
    { ...FREEZE, weight: 3, restMs: 3_000 },
    { ...RESTART, weight: 1, forMs: [0, 1_500], restMs: 7_000 },
  ],
};

const SERVERS: Readonly<Record<string, TargetRule>> = {
  postgres: {
    target: 'postgres',
    faults: [
      { ...KILL, weight: 2, forMs: [0, 1_500], restMs: 16_000 },
      { ...FREEZE, weight: 2, restMs: 10_000 },
      { ...RESTART, weight: 1, forMs: [0, 1_000], restMs: 16_000 },
    ],
  },
  redis: {
    target: 'redis',
    faults: [
      { ...KILL, weight: 2, forMs: [0, 2_000], restMs: 4_000 },
      { ...FREEZE, weight: 2, restMs: 3_000 },
      { ...RESTART, weight: 1, forMs: [0, 2_000], restMs: 4_000 },
    ],
  },
  // It takes some 7 s to come back.
  rabbitmq: {
    target: 'rabbitmq',
    faults: [
      { ...KILL, weight: 1, forMs: [0, 500], restMs: 25_000 },
      { ...FREEZE, weight: 2, restMs: 6_000 },
      { ...RESTART, weight: 1, forMs: [0, 500], restMs: 30_000 },
    ],
  },
  pgbouncer: {
    target: 'pgbouncer',
    faults: [
      { ...KILL, weight: 2, forMs: [0, 1_000], restMs: 13_000 },
      { ...FREEZE, weight: 2, restMs: 8_000 },
      { ...RESTART, weight: 1, forMs: [0, 1_000], restMs: 13_000 },
    ],
  },
};

/** What may go wrong where these servers are. @param servers beside the simulator */
export function rulesOf(servers: readonly string[]): readonly TargetRule[] {
  const asked: readonly ServerName[] = (['postgres', 'redis', 'rabbitmq'] as const).filter((name) => servers.includes(name));
  return [
    GATEWAY,
    ...WORKERS.map(worker),
    SIMULATOR,
    ...servers.flatMap((name) => SERVERS[name] ?? []),
    way('clients', 'gateway', 6_000),
    ...PROGRAMS.flatMap((program) => asked.map((server) => way(program, server, server === 'postgres' ? 7_000 : 2_500))),
    ...WORKERS.map((program) => way(program, 'simulator', 3_500)),
  ];
}

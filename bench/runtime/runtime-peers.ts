/** Who is compared, in the order in which they run; all ratios are against the first. */
export const RUNTIME_PEERS = ['bare', 'supervised-unrecorded', 'supervised'] as const;
export type RuntimePeer = (typeof RUNTIME_PEERS)[number];

/** What each is, for people. */
export const RUNTIME_PEER_NAMES: Readonly<Record<RuntimePeer, string>> = {
  bare: 'bare XState actors',
  'supervised-unrecorded': 'supervised, event recorder off',
  supervised: 'supervised',
};

/** What one process measured, in µs of CPU time for each. */
export interface RuntimeSample {
  /** A child started under a parent with ten of them, up to its being ready. */
  readonly spawn: number;
  /** The same child stopped. */
  readonly stop: number;
  /** A child that failed, up to its next life being ready. */
  readonly restart: number;
  /** An event sent to a machine and handled. */
  readonly send: number;
}

/** What the process is asked for. */
export interface RuntimeInput {
  readonly peer: RuntimePeer;
  /** Spawns and restarts, and hundreds of sends. */
  readonly count: number;
}

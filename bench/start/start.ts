import { startDatabase } from '../harness/database.ts';
import { describeMachine } from '../harness/machine.ts';
import { makeEmbeddedHome, makeHome } from '../harness/program.ts';
import { interleaved } from '../harness/rounds.ts';
import { startBenchSimulator } from '../simulator/bench-simulator.ts';
import { memoryAtRest } from './memory.ts';
import { gramjsStart, programStart } from './start-peers.ts';
import { startReport } from './start-report.ts';

/** What is measured. */
export interface StartOptions {
  readonly rounds: number;
  /** How long programs rest before their memory is read. */
  readonly restSeconds: number;
}

/** Messages in the simulator's channels: here nobody reads them. */
const MESSAGES = 1_000;
const SEED = 1;
/** Requirement: resident memory of a gateway and a worker at rest. */
const GATEWAY_AIM = 120e6;
const WORKER_AIM = 150e6;
/** Requirement: from the start to authenticated, PGlite's own start apart. */
const START_AIM_MS = 1_000;
const OVER_POSTGRESQL = '`all` over PostgreSQL';

/** Measures and @returns the section's text */
export async function runStart({ rounds, restSeconds }: StartOptions, say: (line: string) => void): Promise<string> {
  const machine = describeMachine();
  const simulator = await startBenchSimulator(MESSAGES, SEED);
  const database = await startDatabase();
  const info = simulator.ready;
  const embedded = makeEmbeddedHome();
  return database.withDatabase((firstUrl) =>
    database.withDatabase(async (secondUrl) => {
      // A session each: two connections on one key would burn it with the real Telegram.
      const session = await simulator.login();
      const all = await makeHome(info, session, firstUrl);
      say('first starts, which make databases and sessions, are not counted');
      const peers = [
        gramjsStart({ info, session }),
        await programStart(OVER_POSTGRESQL, all, 'all'),
        await programStart('`all` with everything embedded', embedded, 'all'),
      ];
      const measured = await interleaved(peers, rounds, (name, round, { startMs }) =>
        say(`round ${round}: ${name}: ${startMs.toFixed(0)} ms`),
      );
      say(`memory after ${restSeconds} s of rest`);
      const worker = await makeHome(info, await simulator.login(), secondUrl);
      const gateway = await makeHome(info, undefined, secondUrl);
      const memory = await memoryAtRest(
        [
          { name: OVER_POSTGRESQL, role: 'all', home: all },
          { name: '`worker`', role: 'worker', home: worker, aimBytes: WORKER_AIM },
          { name: '`gateway`', role: 'gateway', home: gateway, aimBytes: GATEWAY_AIM },
          { name: '`all` with everything embedded', role: 'all', home: embedded },
        ],
        restSeconds,
      );
      const starts = measured.map((peer) => ({ ...peer, aimMs: peer.name === OVER_POSTGRESQL ? START_AIM_MS : undefined }));
      return startReport({ machine, rounds, restSeconds, databaseVersion: database.version, starts, memory });
    }),
  );
}

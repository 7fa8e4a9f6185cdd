import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';
import { listedAccount } from '../../src/simulator/control-desk.ts';
import { MtprotoServer } from '../../src/simulator/mtproto-server.ts';
import { ServerState } from '../../src/simulator/server-state.ts';
import { openStateFolder } from '../../src/simulator/state-folder.ts';
import { childInput, tellParent } from '../harness/child.ts';
import { benchWorld } from '../simulator/world.ts';
import type { LiveSimulatorInput, LiveSimulatorReady, PostOrder, PostReport } from './live-simulator.ts';
import { stampedText } from './stamp.ts';

// The project's simulator, in which posts come at a steady rate, each with the time of its posting in its text.
const log = createLog('error');
const { messages, dataDir } = childInput<LiveSimulatorInput>();
const world = benchWorld(messages, 1);
const { serverKey, publicKeyFile, journalFile } = await openStateFolder(dataDir, systemClock);
const state = ServerState.open(journalFile, world, log);
const server = await MtprotoServer.listen({ host: '127.0.0.1', port: 0, serverKey, state, clock: systemClock, log });
const boxes = [...state.boxes];

function post(run: number, number: number): void {
  const box = boxes[number % boxes.length];
  if (box) server.happenings.post(box, { text: stampedText(run, number) });
}

/** Posts so many, evenly: where a timer comes late, what is due is posted together. */
function postSteadily({ run, ratePerSecond, count }: PostOrder): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let done = 0;
    const turn = (): void => {
      const due = Math.min(count, Math.floor(((performance.now() - startedAt) * ratePerSecond) / 1000) + 1);
      for (; done < due; done++) post(run, done);
      if (done < count) setTimeout(turn, Math.max(1, startedAt + (done * 1000) / ratePerSecond - performance.now()));
      else resolve(performance.now() - startedAt);
    };
    turn();
  });
}

process.on('message', (order: PostOrder) => {
  void postSteadily(order).then((tookMs) => tellParent({ run: order.run, tookMs } satisfies PostReport));
});
// The benchmark is gone, and did not come to end us.
process.on('disconnect', () => process.exit(0));

tellParent({
  address: server.address,
  dataCentres: server.dataCentres,
  publicKeyPem: serverKey.publicPem,
  publicKeyFile,
  worldId: serverKey.worldId,
  accounts: world.accounts.map(listedAccount),
  channels: [],
} satisfies LiveSimulatorReady);

import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';
import { listedAccount } from '../../src/simulator/control-desk.ts';
import { MtprotoServer } from '../../src/simulator/mtproto-server.ts';
import { ServerState } from '../../src/simulator/server-state.ts';
import { openStateFolder } from '../../src/simulator/state-folder.ts';
import { childInput, tellParent } from '../harness/child.ts';
import { rememberHistory } from './answers.ts';
import type { SimulatorInput, SimulatorReady, SimulatorUsage } from './bench-simulator.ts';
import { meanTlBytes } from './size.ts';
import { benchWorld, channelOf, MESSAGE_KINDS, type MessageKind } from './world.ts';

// What goes wrong in the server is told; nothing else is.
const log = createLog('error');
// The project's simulator, put together as its own `startSimulator` does it, over a world that is made rather than read.
const { messages, seed, dataDir } = childInput<SimulatorInput>();
const world = benchWorld(messages, seed);
const { serverKey, publicKeyFile, journalFile } = await openStateFolder(dataDir, systemClock);
const state = ServerState.open(journalFile, world, log);
const server = await MtprotoServer.listen({ host: '127.0.0.1', port: 0, serverKey, state, clock: systemClock, log });
const counts = rememberHistory(server.api);

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  tellParent({ cpuSeconds: (user + system) / 1e6, ...counts } satisfies SimulatorUsage);
});
// The benchmark is gone, and did not come to end us.
process.on('disconnect', () => process.exit(0));

const sizes = MESSAGE_KINDS.map((kind) => {
  const channel = world.channels.find(({ username }) => username === channelOf(kind));
  return [kind, channel === undefined ? 0 : meanTlBytes(channel)] as const;
});
tellParent({
  address: server.address,
  dataCentres: server.dataCentres,
  publicKeyPem: serverKey.publicPem,
  publicKeyFile,
  worldId: serverKey.worldId,
  accounts: world.accounts.map(listedAccount),
  channels: [],
  tlBytes: Object.fromEntries(sizes) as Record<MessageKind, number>,
} satisfies SimulatorReady);

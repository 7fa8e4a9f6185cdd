import { gramjsClient, logIn, sessionOf } from '../../test/simulator/gramjs-client.ts';
import { childInput, tellParent } from '../harness/child.ts';
import type { SimulatorReady } from '../simulator/bench-simulator.ts';

// Makes a key and logs the account in on it.
const { info } = childInput<{ readonly info: SimulatorReady }>();
const client = gramjsClient(info);
await client.connect();
await logIn(client, info);
tellParent(sessionOf(client));

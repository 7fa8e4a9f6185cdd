import { Api, gramjsClient } from '../../test/simulator/gramjs-client.ts';
import { childInput, tellParent } from '../harness/child.ts';
import type { GramJsStartInput } from './gramjs-start.ts';

// A script that has a session: connects and makes the first call that only a logged-in account may make.
const { info, session } = childInput<GramJsStartInput>();
const client = gramjsClient(info, session);
await client.connect();
await client.invoke(new Api.updates.GetState());
tellParent('authenticated');

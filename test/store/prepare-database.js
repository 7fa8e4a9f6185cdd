// Run as a process of its own, on what `npm run build` made: says `ready`, waits for a line on stdin, prepares the database, says `prepared`.
import { once } from 'node:events';
import { openStore } from '../../dist/actors/store/open-store.js';
import { systemClock } from '../../dist/clock.js';
import { silentLog } from '../../dist/log.js';

const [, , url = '', worldId = ''] = process.argv;
const store = await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog });
process.stdout.write('ready\n');
await once(process.stdin, 'data');
try {
  await store.prepare({ kind: 'simulator', id: worldId });
  process.stdout.write('prepared\n');
} catch (error) {
  process.stdout.write(`${error.code}\n`);
}
await store.close();
process.exit(0);

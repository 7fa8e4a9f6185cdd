// Run as a process of its own, on what `npm run build` made: writes to the embedded database until it is killed, and says what was acknowledged.
import { writeSync } from 'node:fs';
import { openStore } from '../../dist/actors/store/open-store.js';
import { systemClock } from '../../dist/clock.js';
import { silentLog } from '../../dist/log.js';

const [, , dataDir = '', from = '0'] = process.argv;
const store = await openStore({ kind: 'pglite', dataDir }, { clock: systemClock, log: silentLog });
await store.prepare({ kind: 'simulator', id: 'ab12' });
const chatId = -1_001_032_086_354;
for (let n = Number(from); ; n += 1) {
  const id = `sync-${String(n).padStart(6, '0')}`;
  await store.insertJob({
    id,
    action: 'x',
    params: {},
    accountId: 'main',
    priority: 5,
    machineVersion: 1,
    createdAt: Date.now(),
  });
  const messages = Array.from({ length: 20 }, (_, at) => ({
    chatId,
    id: n * 20 + at + 1,
    date: 1_700_000_000,
    editDate: null,
    pts: 0,
    kind: 'message',
    text: `${id}: ${'x'.repeat(300)}`,
    entities: [],
    fromId: null,
    replyToId: null,
    views: null,
    media: null,
    raw: {},
  }));
  const done = () => ({
    set: { status: 'completed', dueAt: null, endedAt: Date.now() },
    events: [{ event: 'COMPLETE', from: 'queued', to: 'completed', detail: {} }],
    outbox: [{ topic: 'job.completed', payload: { id } }],
  });
  await store.stepJob(id, done, async (tx) => {
    await tx.upsertMessages(0, messages);
  });
  // Synchronous: what was written to the pipe is there even if the process is killed at once.
  writeSync(1, `${n}\n`);
}

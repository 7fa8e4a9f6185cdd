import { expect, it } from 'vitest';
import { gramjsClient, sessionOf } from './gramjs-client.ts';
import { SimulatorProcess, temporaryFolder } from './simulator-process.ts';
it('300 real', async () => {
  const f = temporaryFolder();
  const sim = await SimulatorProcess.start({ dataDir: f.path });
  let short = 0; const t = performance.now();
  for (let i = 0; i < 300; i++) {
    const c = gramjsClient(sim.info);
    expect(await c.connect()).toBe(true);
    const key = (c.session as any)._authKey.getKey();
    if (key.length < 256) short++;
    await c.destroy();
  }
  console.log('short keys', short, 'accepted', (await sim.control.tell('stats', {})).accepted, performance.now() - t);
  await sim.kill(); f.remove();
}, 300000);

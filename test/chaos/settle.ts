import { setTimeout as pause } from 'node:timers/promises';
import type { HealthReport } from '../../src/ports.ts';
import type { Ledger } from './ledger.ts';
import type { Stage } from './stage.ts';
import type { Subscriber } from './subscriber.ts';
import { chatIdOf, PEOPLE, SHARED } from './world.ts';

const LOOK_MS = 500;

/**
 * Waits until nothing can happen any more: nothing is asked, nothing is posted, and what was is done.
 * @returns what is still under way at the deadline; nothing where all is quiet
 */
export async function settle(
  stage: Stage,
  ledger: Ledger,
  subscribers: readonly Subscriber[],
  deadlineMs: number,
): Promise<readonly string[]> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const open = await openEnds(stage, ledger, subscribers).catch((error: Error) => [`not to be seen: ${error.message}`]);
    if (open.length === 0 || performance.now() > until) return open;
    await pause(LOOK_MS);
  }
}

async function openEnds(stage: Stage, ledger: Ledger, subscribers: readonly Subscriber[]): Promise<string[]> {
  const open: string[] = [];
  const report = (await (await fetch(`${stage.directUrls.gateway}/health`)).json()) as HealthReport;
  if (report.status !== 'ok') {
    const how = report.accounts.map(({ id, state, reason }) => `${id} ${state}${reason === undefined ? '' : ` (${reason})`}`);
    open.push(`the gateway says ${report.status}: ${how.join(', ')}; ${JSON.stringify(report.dependencies)}`);
  }
  for (const { id, gaps } of report.accounts) if (gaps > 0) open.push(`${id} knows of ${gaps} gaps`);
  const jobs = await ledger.jobsUnderWay();
  if (jobs > 0) open.push(`${jobs} jobs have not ended`);
  open.push(...(await behind(stage, ledger)));
  const unplaced = await ledger.eventsUnplaced();
  if (unplaced > 0) open.push(`${unplaced} events have no position`);
  const last = await ledger.lastPosition();
  for (const { name, position } of subscribers)
    if (position < last) open.push(`the subscriber ${name} is at ${position} of ${last}`);
  return open;
}

/** Boxes that do not stand where the simulator says. */
async function behind({ simulator }: Stage, { store }: Ledger): Promise<string[]> {
  const open: string[] = [];
  const channels = await simulator.control.tell('channels', {});
  for (const { id, phone, own } of PEOPLE) {
    const positions = new Map((await store.positions(id)).map((position) => [position.box, position]));
    for (const channel of channels) {
      if (channel.username !== own && !SHARED.some((name) => name === channel.username)) continue;
      const pts = positions.get(`channel:${chatIdOf(channel.id)}`)?.pts;
      if (pts !== channel.pts) open.push(`${id} stands in ${channel.username} at ${pts} of ${channel.pts}`);
    }
    const { pts, qts, seq } = await simulator.control.tell('inbox', { phone });
    const account = positions.get('account');
    if (account?.pts !== pts || account.qts !== qts || account.seq !== seq)
      open.push(`${id} stands at ${account?.pts}, ${account?.qts}, ${account?.seq} of ${pts}, ${qts}, ${seq}`);
  }
  return open;
}

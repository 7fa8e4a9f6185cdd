import { childInput, tellParent } from '../harness/child.ts';
import { atRate, type LoadClock, saturate } from './drive.ts';
import { check } from './expectation.ts';
import { HttpConnection } from './http-connection.ts';
import type { LoadInput, LoadOrder, LoadReport } from './load-generator.ts';
import { requestBytes } from './request-bytes.ts';

// Asks a server, in a process of its own, so that what it costs can be told from what the server costs.
const { url, requests, connections, expected } = childInput<LoadInput>();
const { hostname, port, host } = new URL(url);
const lost = (error: Error): never => {
  throw error;
};
const carriers = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(hostname, Number(port), lost)));
const bytes = requests.map((request) => requestBytes(request, host));
const clock: LoadClock = { now: () => performance.now(), after: (ms, callback) => void setTimeout(callback, ms) };
const parts = { carriers, requests: bytes, clock, check: check.bind(undefined, expected) };

async function run(order: LoadOrder): Promise<LoadReport> {
  const before = process.cpuUsage();
  const { latenciesMs, seconds } =
    order.perSecond === undefined ? await saturate(parts, order.seconds) : await atRate(parts, order.perSecond, order.seconds);
  const { user, system } = process.cpuUsage(before);
  return { answered: latenciesMs.length, seconds, latenciesMs, cpuSeconds: (user + system) / 1e6 };
}

process.on('message', (order: LoadOrder) => void run(order).then(tellParent));
// The benchmark is gone, and did not come to end us.
process.on('disconnect', () => process.exit(0));
tellParent('ready');

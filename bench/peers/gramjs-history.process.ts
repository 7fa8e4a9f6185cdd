import type { Socket } from 'node:net';
import type { TelegramClient } from 'telegram/client/TelegramClient.js';
import { returnBigInt } from 'telegram/Helpers.js';
import { createLog } from '../../src/log.ts';
import { Api, gramjsClient, inputPeer, resolve } from '../../test/simulator/gramjs-client.ts';
import { childInput, tellParent } from '../harness/child.ts';
import type { GramJsInput, HistorySample } from './gramjs-history.ts';

/** Where GramJS keeps the socket of its connection. */
interface Insides {
  readonly _sender: { readonly _connection: { readonly socket: { readonly client: Socket } } };
}

// GramJS as it comes from the registry, and with our speed module where that is asked for: page after page until an empty one, nothing kept.
const { info, session, channel: username, isFast } = childInput<GramJsInput>();
if (isFast) {
  const { speedUp } = await import('../../src/actors/telegram/gramjs/speed/speed-up.ts');
  const { aside } = speedUp(createLog('warn'));
  if (aside.length > 0) throw new Error(`parts of the speed module step aside: ${JSON.stringify(aside)}`);
}
const client = gramjsClient(info, session);
await client.connect();
const channel = await resolve(client, username);
const peer = inputPeer(channel);
const hash = returnBigInt(0);

const cpuBefore = process.cpuUsage();
const bytesBefore = bytesRead(client);
const startedAt = performance.now();
let messages = 0;
for (let offsetId = 0; ; ) {
  const call = new Api.messages.GetHistory({ peer, offsetId, limit: 100, hash });
  const page = (await client.invoke(call)) as Api.messages.ChannelMessages;
  if (page.messages.length === 0) break;
  messages += page.messages.length;
  offsetId = page.messages.at(-1)?.id ?? 0;
}
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
tellParent({
  messages,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  rssBytes: process.memoryUsage.rss(),
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
  wireBytes: bytesRead(client) - bytesBefore,
  actorEvents: Number.NaN,
} satisfies HistorySample);

function bytesRead(of: TelegramClient): number {
  return (of as unknown as Insides)._sender._connection.socket.client.bytesRead;
}

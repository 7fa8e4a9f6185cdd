import { createPublicKey } from 'node:crypto';
import { TelegramClient } from 'telegram/client/TelegramClient.js';
import { _serverKeys } from 'telegram/crypto/RSA.js';
import { Logger, LogLevel } from 'telegram/extensions/Logger.js';
import { readBigIntFromBuffer, returnBigInt } from 'telegram/Helpers.js';
import { ConnectionTCPAbridged } from 'telegram/network/connection/TCPAbridged.js';
import { ConnectionTCPFull } from 'telegram/network/connection/TCPFull.js';
import { computeCheck } from 'telegram/Password.js';
import { StringSession } from 'telegram/sessions/index.js';
import { Api } from 'telegram/tl/index.js';
import type { SimulatorInfo } from '../../src/simulator/control.ts';
import { sha1 } from '../../src/simulator/digest.ts';
import { TlWriter } from '../../src/simulator/tl-writer.ts';

const ZERO = returnBigInt(0);

/** Makes GramJS trust a simulator's key; keyed, as GramJS wants it, by the signed decimal fingerprint. */
function trust(publicKeyPem: string): void {
  const { n, e } = createPublicKey(publicKeyPem).export({ format: 'jwk' });
  const modulus = Buffer.from(n ?? '', 'base64url');
  const writer = new TlWriter();
  writer.bytes(modulus);
  writer.bytes(Buffer.from(e ?? '', 'base64url'));
  const fingerprint = sha1(writer.result()).readBigInt64LE(12);
  _serverKeys.set(fingerprint.toString(), { n: readBigIntFromBuffer(modulus, false, false), e: 65537 });
}

type ConnectionClass = typeof ConnectionTCPFull | typeof ConnectionTCPAbridged;
type ConnectionOptions = ConstructorParameters<typeof ConnectionTCPFull>[0];

/** GramJS asks for port 80 of whatever address it believes in: here each data centre is where the simulator says it is. */
function towards(info: SimulatorInfo, base: ConnectionClass): ConnectionClass {
  return class extends base {
    constructor(options: ConnectionOptions) {
      const centre = info.dataCentres.find(({ id }) => id === options.dcId);
      if (centre === undefined) throw new Error(`no data centre ${options.dcId}`);
      super({ ...options, ip: centre.host, port: centre.port });
    }
  } as ConnectionClass;
}

/** An unmodified GramJS client that goes to the simulator's addresses. */
export function gramjsClient(
  info: SimulatorInfo,
  session = '',
  transport: 'full' | 'abridged' = 'full',
  dcId = 2,
): TelegramClient {
  trust(info.publicKeyPem);
  const logger = new Logger(LogLevel.NONE);
  const stored = new StringSession(session);
  if (session === '') stored.setDC(dcId, info.address.host, 80);
  return new TelegramClient(stored, 1, 'hash', {
    connection: towards(info, transport === 'full' ? ConnectionTCPFull : ConnectionTCPAbridged),
    connectionRetries: 3,
    requestRetries: 3,
    retryDelay: 200,
    floodSleepThreshold: 0,
    securityChecks: true,
    useWSS: false,
    baseLogger: logger,
  } as ConstructorParameters<typeof TelegramClient>[3]);
}

/** Logs a connected client in with the real calls. */
export async function logIn(client: TelegramClient, info: SimulatorInfo, account = info.accounts[0]): Promise<Api.User> {
  if (account === undefined) throw new Error('the world has no account');
  const sent = await client.invoke(
    new Api.auth.SendCode({ phoneNumber: account.phone, apiId: 1, apiHash: 'hash', settings: new Api.CodeSettings({}) }),
  );
  const { phoneCodeHash } = sent as Api.auth.SentCode;
  const signedIn = await client.invoke(
    new Api.auth.SignIn({ phoneNumber: account.phone, phoneCodeHash, phoneCode: account.code }),
  );
  return (signedIn as Api.auth.Authorization).user as Api.User;
}

/** The second step of a login, with GramJS's own arithmetic. */
export async function givePassword(client: TelegramClient, password: string): Promise<Api.User> {
  const parameters = await client.invoke(new Api.account.GetPassword());
  const check = await computeCheck(parameters, password);
  const authorization = await client.invoke(new Api.auth.CheckPassword({ password: check }));
  return (authorization as Api.auth.Authorization).user as Api.User;
}

/** The session to keep, as GramJS writes it. */
export function sessionOf(client: TelegramClient): string {
  return (client.session as StringSession).save();
}

/** A channel by its username. */
export async function resolve(client: TelegramClient, username: string): Promise<Api.Channel> {
  const resolved = await client.invoke(new Api.contacts.ResolveUsername({ username }));
  return resolved.chats[0] as Api.Channel;
}

/** How calls name a channel. */
export function inputPeer(channel: Api.Channel): Api.InputPeerChannel {
  return new Api.InputPeerChannel({ channelId: channel.id, accessHash: channel.accessHash ?? ZERO });
}

/** How calls to `channels.*` and for differences name it. */
export function inputChannel(channel: Api.Channel): Api.InputChannel {
  return new Api.InputChannel({ channelId: channel.id, accessHash: channel.accessHash ?? ZERO });
}

/** All of a channel's history, newest first, by pages until an empty one. */
export async function allHistory(client: TelegramClient, channel: Api.Channel): Promise<Api.TypeMessage[]> {
  const all: Api.TypeMessage[] = [];
  for (let offsetId = 0; ; ) {
    const page = (await client.invoke(
      new Api.messages.GetHistory({ peer: inputPeer(channel), offsetId, limit: 100, hash: ZERO }),
    )) as Api.messages.ChannelMessages;
    if (page.messages.length === 0) return all;
    all.push(...page.messages);
    offsetId = page.messages.at(-1)?.id ?? 0;
  }
}

export { Api };

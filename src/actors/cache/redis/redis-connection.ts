import { createHash } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { type Clock, within } from '../../../clock.ts';
import { VigiliaError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type { RedisAddress } from '../../../redis-url.ts';

/** The mapping of replies is a parameter of the client's type. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/** A command that was not answered by then has failed, in ms: a cache that is slower than the database is none. */
const COMMAND_MS = 1_000;
/** A connection that is not made by then is given up, in ms. */
const CONNECT_MS = 5_000;

/**
 * One connection to Redis at a time, which is made and given up by the link. It never comes back by itself, and nothing waits for it: a call while
 * there is none fails at once.
 */
export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #clock: Clock;
  readonly #log: Log;
  #client: Redis | undefined;

  constructor(address: RedisAddress, clock: Clock, log: Log) {
    this.#address = address;
    this.#clock = clock;
    this.#log = log;
  }

  /** Makes a new connection in place of the one before. @throws CACHE_UNAVAILABLE */
  async connect(): Promise<void> {
    this.close();
    const client = new Redis(optionsOf(this.#address));
    // Every failure is told by the call it hits; without a listener the event would be printed.
    let reason: string | undefined;
    client.on('error', (error: Error) => {
      reason = error.message;
      this.#log.debug({ reason }, 'redis');
    });
    client.once('close', () => {
      if (this.#client === client) this.#client = undefined;
    });
    try {
      await within(this.#clock, CONNECT_MS, client.connect(), () => {
        throw unavailable(`no connection within ${CONNECT_MS / 1000} s`);
      });
      this.#client = client;
    } catch (thrown) {
      client.disconnect();
      // What the call is told is often no more than that the connection was closed.
      throw reason === undefined ? failed(thrown) : unavailable(reason);
    }
  }

  /** @throws CACHE_UNAVAILABLE */
  async call<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (client === undefined) throw unavailable('there is no connection to Redis');
    try {
      return await command(client);
    } catch (thrown) {
      throw failed(thrown);
    }
  }

  /** Runs a script, by its digest where Redis knows it (https://redis.io/docs/latest/commands/evalsha/). @throws CACHE_UNAVAILABLE */
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const given = [keys.length, ...keys, ...args] as const;
    return this.call((client) =>
      client.evalsha(digestOf(script), ...given).catch((thrown: unknown) => {
        if (thrown instanceof Error && thrown.message.startsWith('NOSCRIPT')) return client.eval(script, ...given);
        throw thrown;
      }),
    );
  }

  /** Round trip, in ms. @throws CACHE_UNAVAILABLE */
  async ping(): Promise<number> {
    const start = this.#clock.monotonic();
    await this.call((client) => client.ping());
    return this.#clock.monotonic() - start;
  }

  close(): void {
    this.#client?.disconnect();
    this.#client = undefined;
  }
}

const digests = new Map<string, string>();

function digestOf(script: string): string {
  const known = digests.get(script);
  if (known !== undefined) return known;
  const digest = createHash('sha1').update(script).digest('hex');
  digests.set(script, digest);
  return digest;
}

function optionsOf(address: RedisAddress): Options {
  const { username, password, db, tls } = address;
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // The link is who tries again.
    retryStrategy: null,
    commandTimeout: COMMAND_MS,
    connectTimeout: CONNECT_MS,
    connectionName: 'vigilia',
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    ...(address.kind === 'standalone' ? { host: address.host, port: address.port } : sentinelOptions(address)),
  };
}

function sentinelOptions(address: Extract<RedisAddress, { kind: 'sentinel' }>): Options {
  const { sentinels, name, natMap, sentinelUsername, sentinelPassword, tls } = address;
  return {
    sentinels: [...sentinels],
    name,
    // A master that hangs holds its clients for ever; the Sentinels say when it is one no more.
    failoverDetector: true,
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: COMMAND_MS,
    enableTLSForSentinelMode: tls,
    ...(natMap && { natMap: { ...natMap } }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
  };
}

function unavailable(reason: string): VigiliaError {
  return new VigiliaError('CACHE_UNAVAILABLE', `Redis: ${reason}`);
}

/** Only the words: ioredis hangs the command on its errors, which for AUTH is the password. */
function failed(thrown: unknown): VigiliaError {
  if (thrown instanceof VigiliaError) return thrown;
  return unavailable(thrown instanceof Error ? thrown.message : String(thrown));
}

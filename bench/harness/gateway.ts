import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import { createSqlStore } from '../../src/actors/store/sql-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Store, World } from '../../src/ports.ts';
import { fingerprint } from '../../src/worlds.ts';
import { ROOT } from './paths.ts';
import { makeHome, RunningProgram } from './program.ts';

/** What a gateway asks for with each request. */
export const TOKEN_HEADER = { 'x-gateway-token': 'bench-0123456789abcdef' } as const;

/** Where a gateway has its things. */
export interface GatewayPlace {
  readonly databaseUrl: string;
  readonly redisUrl?: string;
}

/** A server that nobody asks: a gateway never talks to Telegram, but its world has to have a name. */
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const NOBODY = { address: { host: '127.0.0.1', port: 1, dcId: 2 }, publicKeyPem };
export const BENCH_WORLD: World = { kind: 'server', id: fingerprint(publicKeyPem) };

/**
 * Opens a database as the program does, with its schema, and closes it afterwards.
 * @param world of the database; each process that opens it has to give the same
 */
export async function withStore<T>(
  databaseUrl: string,
  use: (store: Store) => Promise<T>,
  world: World = BENCH_WORLD,
): Promise<T> {
  const deps = { clock: systemClock, log: silentLog };
  const driver = openPgDriver({ url: databaseUrl }, deps);
  const store = createSqlStore({ driver, sqlFolder: pathToFileURL(`${join(ROOT, 'sql')}/`), ...deps });
  try {
    await store.prepare(world);
    return await use(store);
  } finally {
    await store.close();
  }
}

/**
 * Runs a gateway as it is shipped, in a process of its own: tokens are checked, their requests are not limited, its log says what it says by default.
 * @param fill what the database holds before the gateway starts
 */
export async function withGateway<T>(
  { databaseUrl, redisUrl }: GatewayPlace,
  fill: (store: Store) => Promise<void>,
  use: (gateway: RunningProgram) => Promise<T>,
): Promise<T> {
  await withStore(databaseUrl, fill);
  const home = await makeHome(NOBODY, undefined, databaseUrl);
  const env = {
    ...home.env,
    GATEWAY_TOKENS: `write:${TOKEN_HEADER['x-gateway-token']}`,
    RATE_LIMIT: '0',
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
  };
  const gateway = await RunningProgram.start({ ...home, env }, 'gateway');
  try {
    await gateway.answers('/health/ready');
    return await use(gateway);
  } finally {
    await gateway.stop();
    await home.remove();
  }
}

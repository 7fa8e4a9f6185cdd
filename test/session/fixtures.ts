import { createCipheriv, randomBytes, scryptSync } from 'node:crypto';
import { systemClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';

/** Quick, since it guards nothing here. */
export const CHEAP = { N: 16, r: 1, p: 1 } as const;
export const KEY = 'the key of these tests';
export const WORLD = 'telegram';
/** 2024-05-06 07:08:09.123 UTC. */
export const NOW = 1_714_979_289_123;
export const clock = { ...systemClock, now: () => NOW };

/** A StringSession as GramJS writes it. @param seed gives each its own key */
export function stringSession(seed = 1, dcId = 2, address = '149.154.167.50'): string {
  const key = Buffer.alloc(256, seed);
  const head = Buffer.concat([Buffer.from([dcId, 0, address.length]), Buffer.from(address), Buffer.from([1, 187])]);
  return `1${Buffer.concat([head, key]).toString('base64')}`;
}

export interface LoggedLine {
  readonly level: string;
  readonly line: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that remembers. */
export function recordingLog(): Log & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, line: string): void => {
      lines.push({ level, line, fields });
    };
  const log = {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: () => log,
  };
  return log;
}

/** A file of the first format: it is frozen, and so is this. */
export function firstFormatFile(session: string, account: string, secret: string): string {
  const kdf = { name: 'scrypt', N: 16384, r: 8, p: 1, salt: randomBytes(16).toString('base64') };
  const key = scryptSync(secret, Buffer.from(kdf.salt, 'base64'), 32, { N: kdf.N, r: kdf.r, p: kdf.p });
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(account));
  const data = Buffer.concat([cipher.update(session, 'utf8'), cipher.final()]);
  const parts = { iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), data: data.toString('base64') };
  return `${JSON.stringify({ format: 1, kdf, ...parts })}\n`;
}

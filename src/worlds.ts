import { createHash, createPublicKey } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { Config } from './config.ts';
import type { World } from './ports.ts';

type TelegramConfig = Config['telegram'];

/** Each world has its own place in the data directory, so that going from one to another mixes nothing up. */
export function worldPlace(telegram: TelegramConfig): string {
  switch (telegram.kind) {
    case 'telegram':
      return 'telegram';
    case 'server':
      return `server-${fingerprint(telegram.keyPem)}`;
    case 'simulated':
      return telegram.world === null ? 'simulator-demo' : `simulator-${sha256(realpathSync(telegram.world)).slice(0, 12)}`;
  }
}

/**
 * Which world a database has to belong to.
 * @param simulatorId the simulator's, once it has been started
 */
export function worldOf(telegram: TelegramConfig, simulatorId: string | undefined): World {
  if (telegram.kind === 'telegram') return { kind: 'telegram', id: 'telegram' };
  if (telegram.kind === 'server') return { kind: 'server', id: fingerprint(telegram.keyPem) };
  return { kind: 'simulator', id: simulatorId ?? 'unknown' };
}

/** What a server is known by, the same wherever it is computed: the first 16 hex digits of the SHA-256 of its public key's DER form. */
export function fingerprint(publicKeyPem: string): string {
  return sha256(createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' })).slice(0, 16);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

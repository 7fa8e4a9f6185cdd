import { createCipheriv, createHash, createHmac, pbkdf2 as pbkdf2Callback, randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { connectTcp } from '@fuman/node';
import { IntermediatePacketCodec, MemoryStorage, MtClient, type MtClientOptions, type TelegramTransport } from '@mtcute/core';
import { TelegramClient } from '@mtcute/core/client.js';
import { addPublicKey, BaseCryptoProvider, type ICryptoProvider, parsePublicKey } from '@mtcute/core/utils.js';
import { deflateMaxSize, getWasmUrl, gunzip, ige256Decrypt, ige256Encrypt, initSync } from '@mtcute/wasm';
import type { SimulatorInfo } from '../../src/simulator/control.ts';
import { type LayerMaps, layer198 } from './mtcute-layer.ts';

const pbkdf2 = promisify(pbkdf2Callback);

/** The cryptography that mtcute leaves to its platform, from Node, and AES-IGE and gzip from mtcute's own WASM. */
class NodeCrypto extends BaseCryptoProvider implements ICryptoProvider {
  initialize(): void {
    initSync(readFileSync(getWasmUrl()));
  }

  randomFill(buffer: Uint8Array): void {
    randomFillSync(buffer);
  }

  sha1(data: Uint8Array): Uint8Array {
    return createHash('sha1').update(data).digest();
  }

  sha256(data: Uint8Array): Uint8Array {
    return createHash('sha256').update(data).digest();
  }

  hmacSha256(data: Uint8Array, key: Uint8Array): Uint8Array {
    return createHmac('sha256', key).update(data).digest();
  }

  pbkdf2(password: Uint8Array, salt: Uint8Array, iterations: number, length = 64, hash = 'sha512'): Promise<Uint8Array> {
    return pbkdf2(password, salt, iterations, length, hash);
  }

  createAesCtr(key: Uint8Array, iv: Uint8Array): ReturnType<ICryptoProvider['createAesCtr']> {
    const cipher = createCipheriv(`aes-${key.length * 8}-ctr`, key, iv);
    return { process: (data) => cipher.update(data) };
  }

  createAesIge(key: Uint8Array, iv: Uint8Array): ReturnType<ICryptoProvider['createAesIge']> {
    return {
      encrypt: (data) => ige256Encrypt(data, key, iv),
      decrypt: (data) => ige256Decrypt(data, key, iv),
    };
  }

  gzip(data: Uint8Array, mostBytes: number): Uint8Array | null {
    return deflateMaxSize(data, mostBytes);
  }

  gunzip(data: Uint8Array): Uint8Array {
    return gunzip(data);
  }
}

const platform: MtClientOptions['platform'] = {
  beforeExit: () => () => {},
  log: () => {},
  getDefaultLogLevel: () => 0,
  getDeviceModel: () => 'test',
};

/**
 * Whether mtcute can find a server's key: it looks for fingerprints without their leading zeros, and so does not see one key in 16
 * (`findKeyByFingerprints` in its `utils/crypto/keys.js`).
 */
export function canKnow({ publicKeyPem }: SimulatorInfo): boolean {
  return !parsePublicKey(new NodeCrypto(), publicKeyPem).fingerprint.startsWith('0');
}

/** How a client is made. */
export interface MtcuteOptions {
  /** Where the simulator is, asked anew for each connection. */
  readonly info: () => SimulatorInfo;
  readonly packetCodec: TelegramTransport['packetCodec'];
  /** Whether calls go under temporary keys. @default false */
  readonly usePfs?: boolean;
  /** Whether it encrypts for the server's key in the way there was before RSA_PAD. @default false */
  readonly olderForm?: boolean;
  /** The layer it says it speaks, with mtcute's own maps; 198 with the maps for it where it is absent. */
  readonly layer?: number;
}

let maps: LayerMaps | undefined;

/** What mtcute reads and writes at layer 198. */
export function mtcuteLayer(): LayerMaps {
  // A client that is never connected: mtcute's maps are not exported by themselves.
  const packetCodec = () => new IntermediatePacketCodec();
  const transport: TelegramTransport = { connect: () => Promise.reject(new Error('not to be connected')), packetCodec };
  const idle = { apiId: 1, apiHash: 'hash', platform, transport, storage: new MemoryStorage(), crypto: new NodeCrypto() };
  const { _readerMap: readerMap, _writerMap: writerMap } = new MtClient({ ...idle, onError: () => {} });
  maps ??= layer198({ readerMap, writerMap });
  return maps;
}

/** An unmodified mtcute client, with its own key exchange, sessions and updates, that goes to the simulator's addresses. */
export function mtcuteClient({ info, packetCodec, usePfs = false, olderForm = false, layer }: MtcuteOptions): TelegramClient {
  const crypto = new NodeCrypto();
  // One list for the whole process: who comes last decides the form.
  addPublicKey(crypto, info().publicKeyPem, olderForm);
  const centre = (id: number): { host: string; port: number } => {
    const found = info().dataCentres.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no data centre ${id}`);
    return found;
  };
  const transport: TelegramTransport = {
    connect: ({ id }) => {
      const { host, port } = centre(id);
      return connectTcp({ address: host, port });
    },
    packetCodec,
  };
  const home = { id: 2, ipAddress: '127.0.0.1', port: 443 };
  const { readerMap, writerMap } = mtcuteLayer();
  return new TelegramClient({
    apiId: 1,
    apiHash: 'hash',
    storage: new MemoryStorage(),
    crypto,
    platform,
    transport,
    defaultDcs: { main: home, media: home },
    // Its own waits grow to seconds; nothing here is served better by that.
    reconnectionStrategy: () => 50,
    network: { usePfs, floodControl: false },
    ...(layer === undefined ? { overrideLayer: 198, readerMap, writerMap } : { overrideLayer: layer }),
  });
}

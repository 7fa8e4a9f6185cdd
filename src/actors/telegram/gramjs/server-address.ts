import { createHash, createPublicKey } from 'node:crypto';
import type { Socket } from 'node:net';
import bigInt from 'big-integer';
import { _serverKeys } from 'telegram/crypto/RSA.js';
import { PromisedNetSockets } from 'telegram/extensions/index.js';

/** An MTProto server other than Telegram's. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly dcId: number;
  /** Its RSA public key, as PEM. */
  readonly publicKeyPem: string;
}

/** How long opening a TCP connection may take, in ms. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Idle time after which the kernel probes the connection, in ms. */
const KEEP_ALIVE_MS = 30_000;

/** The sockets of one link: once closed, none of them is open and none opens any more, whatever GramJS is in the middle of. */
export class LinkSockets {
  readonly #open = new Set<Socket>();
  #closed = false;

  /** @throws when the link was closed */
  checkOpen(): void {
    if (this.#closed) throw new Error('the link was closed');
  }

  add(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#open) socket.destroy();
  }
}

/**
 * The socket class GramJS shall use: with a connect time-out and keep-alive, which its own lacks, and, given an address,
 * to that host and port whatever the session says (GramJS always asks for port 80).
 */
export function socketClass(
  address: { readonly host: string; readonly port: number } | undefined,
  sockets: LinkSockets,
): typeof PromisedNetSockets {
  return class LinkSocket extends PromisedNetSockets {
    override async connect(port: number, ip: string): Promise<this> {
      sockets.checkOpen();
      let timer: NodeJS.Timeout | undefined;
      const opened = address ? super.connect(address.port, address.host) : super.connect(port, ip);
      const socket = (this as unknown as { client: Socket }).client;
      sockets.add(socket);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.setNoDelay(true);
      try {
        await Promise.race([
          opened,
          new Promise((_, reject) => {
            timer = setTimeout(() => {
              socket.destroy();
              reject(new Error(`no TCP connection within ${CONNECT_TIMEOUT_MS} ms`));
            }, CONNECT_TIMEOUT_MS);
          }),
        ]);
      } finally {
        clearTimeout(timer);
      }
      return this;
    }
  };
}

/**
 * Makes GramJS trust a server's key. Process-wide, as GramJS keeps its keys in a module: call it only where that server is in use.
 * @see https://core.telegram.org/mtproto/auth_key (fingerprint: the low 64 bits of the SHA-1 of the TL-serialised key)
 */
export function trustServerKey(publicKeyPem: string): void {
  const jwk = createPublicKey(publicKeyPem).export({ format: 'jwk' });
  const n = Buffer.from(jwk.n ?? '', 'base64url');
  const e = Buffer.from(jwk.e ?? '', 'base64url');
  const digest = createHash('sha1')
    .update(Buffer.concat([tlBytes(n), tlBytes(e)]))
    .digest();
  const fingerprint = digest.readBigInt64LE(12).toString();
  const key = { n: bigInt(n.toString('hex'), 16), e: Number.parseInt(e.toString('hex'), 16) };
  (_serverKeys as unknown as Map<string, typeof key>).set(fingerprint, key);
}

/** TL's `bytes`: a length of one or four bytes, the data, padding to a multiple of four. */
function tlBytes(data: Buffer): Buffer {
  const head =
    data.length < 254
      ? Buffer.from([data.length])
      : Buffer.from([254, data.length & 255, (data.length >> 8) & 255, (data.length >> 16) & 255]);
  const padding = (4 - ((head.length + data.length) % 4)) % 4;
  return Buffer.concat([head, data, Buffer.alloc(padding)]);
}

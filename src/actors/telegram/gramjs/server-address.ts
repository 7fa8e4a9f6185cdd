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
  /** Where its data centres are, as far as that is known beforehand: it tells the others itself. @default none but its own */
  readonly dataCentres?: readonly { readonly id: number; readonly host: string; readonly port: number }[];
}

/** Where something listens. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Where the data centres of a server other than Telegram's are: GramJS knows Telegram's, and asks for port 80 of any. */
export class DataCentreMap {
  readonly #given: ReadonlyMap<number, Place>;
  readonly #told = new Map<number, Place>();

  constructor({ dcId, host, port, dataCentres = [] }: ServerAddress) {
    this.#given = new Map<number, Place>([...dataCentres.map((one) => [one.id, one] as const), [dcId, { host, port }]]);
  }

  of(dcId: number): Place | undefined {
    return this.#told.get(dcId) ?? this.#given.get(dcId);
  }

  /** The server has said where it is. */
  tell(dcId: number, place: Place): void {
    if (!this.#given.has(dcId)) this.#told.set(dcId, place);
  }

  /** Nobody was there: it has to be asked for anew. */
  doubt(dcId: number): void {
    this.#told.delete(dcId);
  }
}

/** How long opening a TCP connection may take, in ms. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Idle time after which the kernel probes the connection, in ms. */
const KEEP_ALIVE_MS = 30_000;

/** The sockets of one link: once closed, none of them is open and none opens any more, whatever GramJS is in the middle of. */
export class LinkSockets {
  readonly #open = new Set<Socket>();
  readonly #mayUse: () => boolean;
  #closed = false;

  /** @param mayUse asked before anything is sent: false closes the link */
  constructor(mayUse: () => boolean = () => true) {
    this.#mayUse = mayUse;
  }

  /** @throws when the link was closed */
  checkOpen(): void {
    if (!this.#closed && !this.#mayUse()) this.close();
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
 * The socket class GramJS shall use: with a connect time-out and keep-alive, which its own lacks.
 * @param place where to go whatever the session says; undefined: where GramJS wants to
 */
export function socketClass(place: () => Place | undefined, sockets: LinkSockets): typeof PromisedNetSockets {
  return class LinkSocket extends PromisedNetSockets {
    override async connect(port: number, ip: string): Promise<this> {
      sockets.checkOpen();
      let timer: NodeJS.Timeout | undefined;
      const address = place();
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

    override write(data: Buffer): void {
      sockets.checkOpen();
      super.write(data);
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

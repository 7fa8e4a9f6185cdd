import { constants, createDiffieHellman, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { igeDecrypt, igeEncrypt } from '../../src/simulator/aes-ige.ts';
import { sha1, sha256 } from '../../src/simulator/digest.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';

/** How a client makes its key. */
export interface ExchangeOptions {
  /** Whether it hashes its key padded to 256 bytes, and says so by `p_q_inner_data_dc`. */
  readonly pads: boolean;
  /** Picks an exponent that gives a key with at least one leading zero byte. */
  readonly short: boolean;
  /** Which data centre it says the key is for, where it says so. @default 2 */
  readonly dcId?: number;
  /** Makes a temporary key that lives so long, in seconds. */
  readonly expiresIn?: number | undefined;
  /** Encrypts for the server's key in the way there was before RSA_PAD. */
  readonly olderForm?: boolean;
  /** Changes a request before it is sent. */
  readonly spoil?: (request: TlObject) => TlObject;
}

/** What came of it. */
export interface Exchanged {
  readonly answer: TlObject;
  /** The key as the client hashes and slices it. */
  readonly key: Buffer;
  /** What the client's first messages may have for a salt. */
  readonly firstSalt: bigint;
  /** Length of the secret without leading zeros. */
  readonly significantBytes: number;
  /** Whether the server's new_nonce_hash is what the client computes for each answer. */
  readonly hashFits: boolean;
}

const buffer = (value: unknown): Buffer => value as Buffer;
const toBigInt = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
const toBytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(512, '0'), 'hex');

function factors(pq: bigint): [bigint, bigint] {
  // Pollard's rho; pq is a product of two 31-bit primes.
  for (let c = 1n; ; c++) {
    const step = (x: bigint): bigint => (x * x + c) % pq;
    let slow = 2n;
    let fast = 2n;
    let d = 1n;
    while (d === 1n) {
      let product = 1n;
      for (let round = 0; round < 100; round++) {
        slow = step(slow);
        fast = step(step(fast));
        const difference = slow > fast ? slow - fast : fast - slow;
        if (difference !== 0n) product = (product * difference) % pq;
      }
      let [a, b] = [product, pq];
      while (b !== 0n) [a, b] = [b, a % b];
      d = a;
    }
    if (d !== pq) return d < pq / d ? [d, pq / d] : [pq / d, d];
  }
}

function small(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** RSA_PAD (https://core.telegram.org/mtproto/auth_key), written from its description. */
function rsaPad(data: Buffer, pem: string): Buffer {
  const key = createPublicKey(pem);
  const modulus = toBigInt(Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url'));
  const padded = Buffer.concat([data, randomBytes(192 - data.length)]);
  for (;;) {
    const temporary = randomBytes(32);
    const withHash = Buffer.concat([Buffer.from(padded).reverse(), sha256(temporary, padded)]);
    const encrypted = igeEncrypt(withHash, temporary, Buffer.alloc(32));
    const mask = sha256(encrypted);
    const block = Buffer.concat([Buffer.from(temporary.map((byte, index) => byte ^ (mask[index] ?? 0))), encrypted]);
    if (toBigInt(block) < modulus) return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
  }
}

/** The form before RSA_PAD (https://core.telegram.org/mtproto/samples-auth_key): SHA-1, data, padding up to 255 bytes. */
function olderForm(data: Buffer, pem: string): Buffer {
  const hashed = Buffer.concat([sha1(data), data]);
  const block = Buffer.concat([Buffer.alloc(1), hashed, randomBytes(255 - hashed.length)]);
  return publicEncrypt({ key: createPublicKey(pem), padding: constants.RSA_NO_PADDING }, block);
}

const groups = new Map<string, ReturnType<typeof createDiffieHellman>>();

/** An exponent's public value and secret; with `short`, the next exponent whose secret begins with a zero byte. */
function agree(prime: Buffer, ga: Buffer, short: boolean): { gb: Buffer; secret: bigint } {
  const name = prime.toString('hex');
  const group = groups.get(name) ?? createDiffieHellman(prime, 3);
  groups.set(name, group);
  const exponent = randomBytes(256);
  exponent[0] = 1;
  group.setPrivateKey(exponent);
  const p = toBigInt(prime);
  const base = toBigInt(ga);
  let gb = toBigInt(group.generateKeys());
  let secret = toBigInt(group.computeSecret(ga));
  while (short && secret >= 1n << 2040n) {
    gb = (gb * 3n) % p;
    secret = (secret * base) % p;
  }
  return { gb: toBytes(gb), secret };
}

/** The client's half of the key exchange; follows `dh_gen_retry` as clients do. */
export async function exchangeKey(
  send: (request: TlObject) => TlObject | Promise<TlObject>,
  publicKeyPem: string,
  options: ExchangeOptions,
): Promise<Exchanged> {
  const spoil = options.spoil ?? ((request: TlObject): TlObject => request);
  const ask = async (request: TlObject): Promise<TlObject> => await send(spoil(request));
  const nonce = randomBytes(16);
  const newNonce = randomBytes(32);
  const resPq = await ask({ _: 'req_pq_multi', nonce });
  const serverNonce = buffer(resPq.serverNonce);
  const fingerprint = (resPq.serverPublicKeyFingerprints as bigint[])[0];
  const [p, q] = factors(toBigInt(buffer(resPq.pq)));
  const inner: TlObject = {
    _: ['p_q_inner_data', ...(options.expiresIn === undefined ? [] : ['temp']), ...(options.pads ? ['dc'] : [])].join('_'),
    pq: resPq.pq,
    p: small(p),
    q: small(q),
    nonce,
    serverNonce,
    newNonce,
    ...(options.pads ? { dc: options.dcId ?? 2 } : {}),
    ...(options.expiresIn === undefined ? {} : { expiresIn: options.expiresIn }),
  };
  const encrypt = options.olderForm === true ? olderForm : rsaPad;
  const params = await ask({
    _: 'req_DH_params',
    nonce,
    serverNonce,
    p: small(p),
    q: small(q),
    publicKeyFingerprint: fingerprint,
    encryptedData: encrypt(tl.encode(spoil(inner)), publicKeyPem),
  });
  if (params._ !== 'server_DH_params_ok') {
    const hashFits = sha1(newNonce).subarray(4, 20).equals(buffer(params.newNonceHash));
    return { answer: params, key: Buffer.alloc(0), firstSalt: 0n, significantBytes: 0, hashFits };
  }
  const hashes = [sha1(newNonce, serverNonce), sha1(serverNonce, newNonce), sha1(newNonce, newNonce)] as const;
  const key = Buffer.concat([hashes[0], hashes[1].subarray(0, 12)]);
  const iv = Buffer.concat([hashes[1].subarray(12), hashes[2], newNonce.subarray(0, 4)]);
  const plain = igeDecrypt(buffer(params.encryptedAnswer), key, iv);
  const dh = tl.decode(plain.subarray(20));
  if (!sha1(tl.encode(dh)).equals(plain.subarray(0, 20))) throw new Error('the server sent a wrong hash');
  let retryId: bigint = 0n;
  for (;;) {
    const { gb, secret } = agree(buffer(dh.dhPrime), buffer(dh.gA), options.short);
    const clientInner = tl.encode(spoil({ _: 'client_DH_inner_data', nonce, serverNonce, retryId, gB: gb }));
    const hashed = Buffer.concat([sha1(clientInner), clientInner]);
    const padded = Buffer.concat([hashed, randomBytes((16 - (hashed.length % 16)) % 16)]);
    const answer = await ask({ _: 'set_client_DH_params', nonce, serverNonce, encryptedData: igeEncrypt(padded, key, iv) });
    const trimmed = small(secret);
    const authKey = options.pads ? toBytes(secret) : trimmed;
    const aux = sha1(authKey).subarray(0, 8);
    const number = { dh_gen_ok: 1, dh_gen_retry: 2, dh_gen_fail: 3 }[answer._] ?? 0;
    const expected = sha1(newNonce, Buffer.from([number]), aux).subarray(4, 20);
    const hashFits = expected.equals(buffer(answer[`newNonceHash${number}`]));
    const firstSalt = newNonce.readBigInt64LE(0) ^ serverNonce.readBigInt64LE(0);
    if (answer._ !== 'dh_gen_retry') return { answer, key: authKey, firstSalt, significantBytes: trimmed.length, hashFits };
    retryId = aux.readBigInt64LE(0);
  }
}

import { describe, expect, it } from 'vitest';
import type { AuthKey } from '../../src/simulator/auth-key.ts';
import { DH_PRIME } from '../../src/simulator/diffie-hellman.ts';
import { Handshake, HandshakeError, type HandshakeHost } from '../../src/simulator/handshake.ts';
import { generateServerKey } from '../../src/simulator/server-key.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { type Exchanged, type ExchangeOptions, exchangeKey } from './key-exchange.ts';

const serverKey = generateServerKey();

function host(forced: ('retry' | 'fail')[] = [], taken = false): HandshakeHost & { kept: AuthKey[] } {
  const kept: AuthKey[] = [];
  return {
    kept,
    serverKey,
    now: () => 1_700_000_000,
    keep: (readings) => {
      if (taken) return false;
      kept.push(...readings);
      return true;
    },
    takeForcedAnswer: () => forced.shift(),
  };
}

/** Runs an exchange over the wire format, without a socket. */
function exchange(server: HandshakeHost, options: Partial<ExchangeOptions> = {}): Promise<Exchanged> {
  const handshake = new Handshake(server);
  const send = (request: TlObject): TlObject => tl.decode(tl.encode(handshake.answer(tl.decode(tl.encode(request)))));
  return exchangeKey(send, serverKey.publicPem, { pads: false, short: false, ...options });
}

/** Replaces a field in the requests of one name. */
function replacing(name: string, field: string, value: unknown): (request: TlObject) => TlObject {
  return (request) => (request._ === name ? ({ ...request, [field]: value } as TlObject) : request);
}

describe('the making of an auth key', () => {
  it('agrees on the key in 300 handshakes in a row, with clients that pad and clients that do not', async () => {
    let short = 0;
    for (let round = 0; round < 300; round++) {
      const server = host();
      const pads = round % 2 === 0;
      const { answer, key, hashFits, significantBytes } = await exchange(server, { pads });
      expect(answer._).toBe('dh_gen_ok');
      expect(hashFits).toBe(true);
      expect(server.kept.some((kept) => kept.bytes.equals(key))).toBe(true);
      if (significantBytes < 256) short++;
    }
    expect(short).toBeLessThan(30);
  }, 120_000);

  it.each([
    { pads: false, length: 'fewer than 256' },
    { pads: true, length: '256' },
  ])('knows a short key by $length bytes for a client that pads: $pads', async ({ pads }) => {
    const server = host();
    const { answer, key, hashFits, significantBytes } = await exchange(server, { pads, short: true });
    expect(significantBytes).toBeLessThan(256);
    expect(answer._).toBe('dh_gen_ok');
    expect(hashFits).toBe(true);
    expect(key.length).toBe(pads ? 256 : significantBytes);
    expect(server.kept).toHaveLength(2);
    expect(server.kept.some((kept) => kept.bytes.equals(key))).toBe(true);
  });

  it('asks for another exponent with dh_gen_retry, and takes the next one', async () => {
    const server = host(['retry', 'retry']);
    const { answer, hashFits } = await exchange(server);
    expect(answer._).toBe('dh_gen_ok');
    expect(hashFits).toBe(true);
    expect(server.kept).toHaveLength(1);
  });

  it('ends with dh_gen_fail where that is asked for, and keeps no key', async () => {
    const server = host(['fail']);
    const { answer, hashFits } = await exchange(server);
    expect(answer._).toBe('dh_gen_fail');
    expect(hashFits).toBe(true);
    expect(server.kept).toHaveLength(0);
  });

  it.each([
    ['1', Buffer.from([1])],
    ['the prime less one', Buffer.from(DH_PRIME.map((byte, index) => (index === 255 ? byte - 1 : byte)))],
    ['more than 256 bytes', Buffer.alloc(300, 7)],
    ['nothing', Buffer.alloc(0)],
  ])('fails for a public value that is not safe: %s', async (_name, gB) => {
    const server = host();
    const { answer } = await exchange(server, { spoil: replacing('client_DH_inner_data', 'gB', gB) });
    expect(answer._).toBe('dh_gen_fail');
    expect(server.kept).toHaveLength(0);
  });

  it.each([
    ['p', Buffer.from([3])],
    ['q', Buffer.from([5])],
    ['pq', Buffer.from([15])],
    ['nonce', Buffer.alloc(16, 1)],
  ])('answers server_DH_params_fail when the inner data has another %s', async (field, value) => {
    const { answer, hashFits } = await exchange(host(), { spoil: replacing('p_q_inner_data', field, value) });
    expect(answer._).toBe('server_DH_params_fail');
    expect(hashFits).toBe(true);
  });

  it.each([
    ['req_DH_params', 'nonce', Buffer.alloc(16, 1)],
    ['req_DH_params', 'serverNonce', Buffer.alloc(16, 1)],
    ['req_DH_params', 'publicKeyFingerprint', 1n],
    ['req_DH_params', 'encryptedData', Buffer.alloc(256, 255)],
    ['req_DH_params', 'encryptedData', Buffer.alloc(256, 1)],
    ['req_DH_params', 'encryptedData', Buffer.alloc(3)],
    ['set_client_DH_params', 'nonce', Buffer.alloc(16, 1)],
    ['set_client_DH_params', 'serverNonce', Buffer.alloc(16, 1)],
    ['set_client_DH_params', 'encryptedData', Buffer.alloc(0)],
    ['set_client_DH_params', 'encryptedData', Buffer.alloc(320, 9)],
    ['client_DH_inner_data', 'nonce', Buffer.alloc(16, 1)],
    ['client_DH_inner_data', 'retryId', 5n],
  ])('breaks off when %s has another %s', async (name, field, value) => {
    const attempt = exchange(host(), { spoil: replacing(name, field, value) });
    await expect(attempt).rejects.toSatisfy((error) => error instanceof HandshakeError || (error as Error).name === 'TlError');
  });

  it('breaks off when steps come out of order', () => {
    const handshake = new Handshake(host());
    const nonce = Buffer.alloc(16);
    expect(() => handshake.answer({ _: 'set_client_DH_params', nonce, serverNonce: nonce, encryptedData: '' })).toThrow(
      HandshakeError,
    );
    expect(() => handshake.answer({ _: 'help.getConfig' })).toThrow(HandshakeError);
  });
});

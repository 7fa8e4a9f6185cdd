import { describe, expect, it } from 'vitest';
import type { AuthKey } from '../../src/simulator/auth-key.ts';
import { DH_PRIME } from '../../src/simulator/diffie-hellman.ts';
import { Handshake, HandshakeError, type HandshakeHost } from '../../src/simulator/handshake.ts';
import type { Salt } from '../../src/simulator/salts.ts';
import { generateServerKey } from '../../src/simulator/server-key.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { type Exchanged, type ExchangeOptions, exchangeKey } from './key-exchange.ts';

const serverKey = generateServerKey();

function present(answer: TlObject | undefined): TlObject {
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

function host(
  forced: ('retry' | 'fail')[] = [],
  taken = false,
): HandshakeHost & { kept: AuthKey[]; salts: Salt[]; until: (number | undefined)[] } {
  const kept: AuthKey[] = [];
  const salts: Salt[] = [];
  const until: (number | undefined)[] = [];
  return {
    kept,
    salts,
    until,
    serverKey,
    dcId: 2,
    now: () => 1_700_000_000,
    keep: (readings, salt, expiresAt) => {
      if (taken) return false;
      salts.push(salt);
      until.push(expiresAt);
      kept.push(...readings);
      return true;
    },
    takeForcedAnswer: () => forced.shift(),
  };
}

/** Runs an exchange over the wire format, without a socket. */
function exchange(server: HandshakeHost, options: Partial<ExchangeOptions> = {}): Promise<Exchanged> {
  const handshake = new Handshake(server);
  const send = (request: TlObject): TlObject => tl.decode(tl.encode(present(handshake.answer(tl.decode(tl.encode(request))))));
  return exchangeKey(send, serverKey.publicPem, { pads: false, short: false, ...options });
}

/** Replaces a field in the requests of one name. */
function replacing(name: string, field: string, value: unknown): (request: TlObject) => TlObject {
  return (request) => (request._ === name ? ({ ...request, [field]: value } as TlObject) : request);
}

describe('the making of an auth key', () => {
  it('agrees on the key in 60 handshakes in a row, with clients that pad and clients that do not', async () => {
    let short = 0;
    for (let round = 0; round < 60; round++) {
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

  it.each(
    [false, true].flatMap((olderForm) =>
      [false, true].flatMap((pads) => [undefined, 3_600].map((expiresIn) => ({ olderForm, pads, expiresIn }))),
    ),
  )('takes %j, and knows when the key ends', async (options) => {
    const server = host();
    const { answer, key, firstSalt, hashFits } = await exchange(server, options);
    expect(answer._).toBe('dh_gen_ok');
    expect(hashFits).toBe(true);
    expect(server.kept.some((kept) => kept.bytes.equals(key))).toBe(true);
    expect(server.salts.map(({ value }) => value)).toEqual([firstSalt]);
    expect(server.until).toEqual([options.expiresIn === undefined ? undefined : 1_700_000_000 + options.expiresIn]);
  });

  it('takes encrypted data without its leading zeros', async () => {
    const trimmed = (request: TlObject): TlObject => {
      if (request._ !== 'req_DH_params') return request;
      const bytes = request.encryptedData as Buffer;
      return { ...request, encryptedData: bytes.subarray(bytes.findIndex((byte) => byte !== 0)) };
    };
    // One in 256 begins with a zero byte: an exchange whose data do not is given up before its expensive part.
    const given = new Error('no leading zero');
    let answer: TlObject | undefined;
    for (let round = 0; round < 5_000 && answer === undefined; round++) {
      const spoil = (request: TlObject): TlObject => {
        const sent = trimmed(request);
        if (sent._ === 'req_DH_params' && (sent.encryptedData as Buffer).length === 256) throw given;
        return sent;
      };
      try {
        ({ answer } = await exchange(host(), { spoil, olderForm: true }));
      } catch (error) {
        if (error !== given) throw error;
      }
    }
    expect(answer?._).toBe('dh_gen_ok');
  }, 120_000);

  it.each([true, false])('breaks off for inner data with another hash, older form: %s', async (olderForm) => {
    // The encrypted data of another exchange: well made, but for other numbers.
    let other: TlObject | undefined;
    const overhear = (request: TlObject): TlObject => {
      if (request._ === 'req_DH_params') other = request;
      return request;
    };
    await exchange(host(), { olderForm, spoil: overhear });
    const spoil = replacing('req_DH_params', 'encryptedData', other?.encryptedData);
    expect((await exchange(host(), { olderForm, spoil })).answer._).toBe('server_DH_params_fail');
    const damaged = Buffer.from(other?.encryptedData as Buffer);
    damaged[200] = (damaged[200] ?? 0) ^ 1;
    await expect(exchange(host(), { olderForm, spoil: replacing('req_DH_params', 'encryptedData', damaged) })).rejects.toThrow(
      HandshakeError,
    );
  });

  it('breaks off with -444 when the client takes it for another data centre, and for a key of no time', async () => {
    await expect(exchange(host(), { pads: true, dcId: 4 })).rejects.toMatchObject({ transportError: -444 });
    await expect(exchange(host(), { expiresIn: 0 })).rejects.toThrow(HandshakeError);
    await expect(exchange(host(), { expiresIn: -5 })).rejects.toThrow(HandshakeError);
  });

  it('does not mind acknowledgements, and has no answer to them', () => {
    expect(new Handshake(host()).answer({ _: 'msgs_ack', msgIds: [1n] })).toBeUndefined();
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

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frames } from '../../src/simulator/frames.ts';
import { FrameError } from '../../src/simulator/framing.ts';
import { ClientTransport, TRANSPORTS, type TransportName } from './client-transports.ts';

/** Payloads as they are: a key id and a message key, and blocks of 16 bytes. */
const payload = fc.integer({ min: 0, max: 200 }).map((blocks) => {
  const bytes = randomBytes(24 + 16 * blocks);
  bytes[0] = 1;
  return bytes;
});
const payloads = fc.array(payload, { minLength: 1, maxLength: 8 });
const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 });

interface Taken {
  readonly payloads: Buffer[];
  readonly quickAcks: boolean[];
}

/** Feeds bytes in pieces of the given lengths, over and over. */
function take(frames: Frames, wire: Buffer, pieces: readonly number[]): Taken {
  const taken: Taken = { payloads: [], quickAcks: [] };
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const size = pieces[turn % pieces.length] ?? 1;
    frames.push(wire.subarray(at, at + size));
    at += size;
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
      taken.payloads.push(frame.payload);
      taken.quickAcks.push(frame.wantsQuickAck);
    }
  }
  return taken;
}

/** Payloads in a form that is compared at once: byte by byte, as vitest compares buffers, is most of these tests' time. */
const inHex = (payloads: readonly Buffer[]): string[] => payloads.map((one) => one.toString('hex'));

function wireOf(client: ClientTransport, sent: readonly Buffer[], quickAcks: readonly boolean[] = []): Buffer {
  return Buffer.concat([client.header, ...sent.map((one, index) => client.wrap(one, quickAcks[index] === true))]);
}

/** Frames of a connection over which something came already. */
function opened(name: TransportName): { frames: Frames; client: ClientTransport } {
  const client = new ClientTransport(name);
  const frames = new Frames();
  take(frames, wireOf(client, [Buffer.alloc(40, 1)]), [1]);
  return { frames, client };
}

describe.each(TRANSPORTS)('the %s transport', (name) => {
  it('is told by its first bytes, and gives what went in, however it is cut', () => {
    fc.assert(
      fc.property(payloads, cuts, (sent, pieces) => {
        const { payloads: taken } = take(new Frames(), wireOf(new ClientTransport(name), sent), pieces);
        expect(inHex(taken)).toEqual(inHex(sent));
      }),
    );
  });

  it('is told also when the bytes come one at a time', () => {
    const sent = [randomBytes(40), randomBytes(1_064), randomBytes(24)];
    for (const one of sent) one[0] = 1;
    for (let round = 0; round < 20; round++) {
      const { payloads: taken } = take(new Frames(), wireOf(new ClientTransport(name), sent), [1]);
      expect(inHex(taken)).toEqual(inHex(sent));
    }
  });

  it('carries answers of any length, and transport errors of four bytes', () => {
    const { frames, client } = opened(name);
    fc.assert(
      fc.property(payload, (sent) => {
        const arrivals = client.feed(frames.wrap(sent));
        expect(arrivals).toHaveLength(1);
        expect(inHex(arrivals.flatMap((one) => ('payload' in one ? [one.payload] : [])))).toEqual(inHex([sent]));
      }),
    );
    const error = Buffer.alloc(4);
    error.writeInt32LE(-404);
    // None: that a client takes it for a quick acknowledgement would be worse than no error. See below for the abridged one.
    const [arrival] = client.feed(frames.wrap(error));
    expect(arrival).toEqual({ payload: error });
  });

  it('takes a packet of the largest size byte by byte without slowing down', () => {
    const large = randomBytes(24 + 16 * 65_000);
    large[0] = 1;
    const wire = wireOf(new ClientTransport(name), [large]);
    const started = performance.now();
    expect(take(new Frames(), wire, [97]).payloads[0]?.equals(large)).toBe(true);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  const hasQuickAcks = name !== 'full';
  it(`${hasQuickAcks ? 'has' : 'has no'} quick acknowledgements`, () => {
    const sent = [randomBytes(40), randomBytes(24), randomBytes(1_064)];
    for (const one of sent) one[0] = 1;
    const wanted = [true, false, true];
    const client = new ClientTransport(name);
    const frames = new Frames();
    const taken = take(frames, wireOf(client, sent, wanted), [13]);
    expect(taken.payloads).toEqual(sent);
    expect(taken.quickAcks).toEqual(hasQuickAcks ? wanted : [false, false, false]);
    const token = Buffer.from('11223384', 'hex');
    const wrapped = frames.wrapQuickAck(token);
    expect(wrapped === undefined ? [] : client.feed(wrapped)).toEqual(hasQuickAcks ? [{ quickAck: 0x84332211 }] : []);
  });
});

describe('frames', () => {
  it.each([
    ['a huge length', 'ffffff7f00000000'],
    ['a negative length', 'ffffffff00000000'],
    ['a length that is too small', '0400000000000000'],
    ['a wrong checksum', '10000000000000000000000000000000'],
    ['another sequence number', `1000000000000000${'0'.repeat(8)}ba86cf9a10000000050000000000000000000000`],
    ['a huge abridged length', 'ef7fffffff'],
    ['an empty abridged packet', 'ef00'],
    ['a huge intermediate length', 'eeeeeeeeffffff7f'],
    ['an intermediate length that is no multiple of four', 'eeeeeeee05000000'],
    ['an empty padded packet', 'dddddddd00000000'],
    ['a huge padded length', 'dddddddd01001000'],
    ['HTTP', Buffer.from('POST /api HTTP/1.1').toString('hex')],
    ['TLS', '1603010200010001fc0303'],
    ['an obfuscated transport that nobody knows', 'ab'.repeat(64)],
  ])('refuse %s', (_name, hex) => {
    const frames = new Frames();
    expect(() => take(frames, Buffer.from(hex, 'hex'), [1])).toThrow(FrameError);
  });

  it.each(['ef', 'eeeeee', 'dd', '10000000', '1000000001', 'ab'.repeat(63)])('wait for more after %s', (hex) => {
    const frames = new Frames();
    frames.push(Buffer.from(hex, 'hex'));
    expect(frames.next()).toBeUndefined();
  });

  it('never give anything but payloads or a FrameError, whatever comes', () => {
    const start = fc.constantFrom('', 'ef', 'efff', 'eeeeeeee', 'dddddddd', '1c00000000000000');
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), cuts, (first, noise, pieces) => {
        try {
          for (const { length } of take(new Frames(), Buffer.concat([Buffer.from(first, 'hex'), noise]), pieces).payloads) {
            expect(length).toBeLessThanOrEqual(300);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { IGE } from 'telegram/crypto/IGE.js';
import { BinaryReader } from 'telegram/extensions/index.js';
import { returnBigInt } from 'telegram/Helpers.js';
import { Api } from 'telegram/tl/index.js';
import { describe, expect, it } from 'vitest';
import { igeDecrypt, igeEncrypt } from '../../src/simulator/aes-ige.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { TlError } from '../../src/simulator/tl-reader.ts';

describe('AES-IGE', () => {
  it('is what GramJS encrypts and decrypts, for any number of blocks', () => {
    for (const blocks of [1, 2, 3, 4, 17, 100]) {
      const [key, iv, data] = [randomBytes(32), randomBytes(32), randomBytes(blocks * 16)];
      const encrypted = igeEncrypt(data, key, iv);
      expect(encrypted.equals(Buffer.from(new IGE(key, iv).encryptIge(data)))).toBe(true);
      expect(igeDecrypt(encrypted, key, iv).equals(data)).toBe(true);
    }
  });
});

describe('TL', () => {
  it('writes what GramJS reads, and reads what GramJS writes', () => {
    const text = 'á🙂\u0000'.repeat(100);
    const object: TlObject = {
      _: 'message',
      id: 5,
      peerId: { _: 'peerChannel', channelId: 1_234_567_890_123n },
      date: 1_700_000_000,
      message: text,
      post: true,
      silent: false,
      views: 0,
      forwards: 7,
      entities: [{ _: 'messageEntityTextUrl', offset: 0, length: 2, url: 'u' }],
      media: { _: 'messageMediaGeo', geo: { _: 'geoPoint', long: -9.1, lat: 38.7, accessHash: '-5' } },
    };
    const bytes = tl.encode(object);
    const read = new BinaryReader(bytes).tgReadObject() as Api.Message;
    expect(read).toMatchObject({ id: 5, message: text, post: true, silent: false, views: 0, forwards: 7, editDate: null });
    expect((read.media as Api.MessageMediaGeo).geo).toMatchObject({ long: -9.1, lat: 38.7, accuracyRadius: null });
    expect(Buffer.from(read.getBytes()).equals(bytes)).toBe(true);
    const request = new Api.InvokeWithLayer({
      layer: 198,
      query: new Api.messages.GetHistory({
        peer: new Api.InputPeerChannel({ channelId: returnBigInt('77'), accessHash: returnBigInt('-9223372036854775808') }),
        limit: 3,
        offsetId: 0,
        offsetDate: 0,
        addOffset: -1,
        maxId: 0,
        minId: 0,
        hash: returnBigInt(0),
      }),
    });
    expect(tl.decode(request.getBytes())).toMatchObject({
      _: 'invokeWithLayer',
      layer: 198,
      query: {
        _: 'messages.getHistory',
        peer: { _: 'inputPeerChannel', channelId: 77n, accessHash: -(2n ** 63n) },
        addOffset: -1,
        limit: 3,
      },
    });
  });

  it('reads strings of every length, with their padding', () => {
    for (const length of [0, 1, 2, 3, 4, 252, 253, 254, 255, 256, 257, 70_000]) {
      const username = 'x'.repeat(length);
      const request = { _: 'contacts.resolveUsername', username };
      expect(tl.decode(tl.encode(request))).toEqual(request);
    }
  });

  it('refuses to write what the schema does not allow', () => {
    expect(() => tl.encode({ _: 'nothing.such' })).toThrow(TypeError);
    expect(() => tl.encode({ _: 'peerUser' })).toThrow(/peerUser\.userId/);
    expect(() => tl.encode({ _: 'contacts.resolvedPeer', peer: { _: 'photoEmpty', id: 1 }, chats: [], users: [] })).toThrow(
      /not a Peer/,
    );
  });

  it('throws TlError, and nothing else, for any bytes; and reads the next object as if nothing had been', () => {
    const good = tl.encode({ _: 'users.getUsers', id: [{ _: 'inputUserSelf' }, { _: 'inputUserSelf' }] });
    const mutated = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(good);
      copy[at] = byte;
      return copy;
    });
    const cut = fc.nat(good.length).map((length) => good.subarray(0, length));
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, cut, noise), (bytes) => {
        try {
          tl.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(TlError);
        }
        expect(tl.decode(good).id).toHaveLength(2);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses nesting without an end', () => {
    const layer = tl.encode({ _: 'invokeWithoutUpdates', query: { _: 'updates.getState' } }).subarray(0, 4);
    expect(() => tl.decode(Buffer.concat(Array.from({ length: 10_000 }, () => layer)))).toThrow(TlError);
  });
});

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { BinaryReader } from 'telegram/extensions/BinaryReader.js';
import { Api } from 'telegram/tl/index.js';
import { describe, expect, test } from 'vitest';
import { COLUMNS, toHistoryPage } from '../../src/actors/telegram/gramjs/convert.ts';
import { type BytesReader, byteStringsPart, fastReadBytes } from '../../src/actors/telegram/gramjs/speed/byte-strings.ts';
import { HistoryReader, type HistoryRequest, historyPart } from '../../src/actors/telegram/gramjs/speed/history-reader.ts';
import { fastReadObject, type ObjectReader, objectsPart } from '../../src/actors/telegram/gramjs/speed/objects.ts';
import type { SpeedPart } from '../../src/actors/telegram/gramjs/speed/speed-part.ts';
import { install } from '../../src/actors/telegram/gramjs/speed/speed-up.ts';
import { TlBytes } from '../../src/actors/telegram/gramjs/speed/tl-bytes.ts';
import { TlJsonReader } from '../../src/actors/telegram/gramjs/speed/tl-json-reader.ts';
import { TlSchema } from '../../src/actors/telegram/gramjs/speed/tl-schema.ts';
import { splitTl } from '../../src/actors/telegram/gramjs/tl-json.ts';
import { silentLog } from '../../src/log.ts';
import type { HistoryPage } from '../../src/ports.ts';
import { messageObject } from '../../src/simulator/message-view.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { loadWorld } from '../../src/simulator/world-loader.ts';
import { EXPORTS, haveExports } from '../support/exports.ts';
import { constructors, RandomTl, reachableFrom } from './random-tl.ts';

// GramJS's own. It is given nothing here that it cannot read: a failed vector spoils its class for the rest of the process.
const prototype = BinaryReader.prototype as unknown as ObjectReader & BytesReader;
const { tgReadObject, tgReadBytes } = prototype;

const json = new TlJsonReader(new TlSchema(), COLUMNS);
const history = new HistoryReader();

function gramJsReads(bytes: Buffer): unknown {
  return new BinaryReader(bytes).tgReadObject();
}

/** A page as GramJS's objects give it, and as it is read directly. */
function bothPages(bytes: Buffer): [theirs: string, ours: string] {
  const theirs = toHistoryPage(gramJsReads(bytes) as Api.messages.TypeMessages);
  return [JSON.stringify(theirs), JSON.stringify(history.page(new TlBytes(bytes)))];
}

function channelMessages(messages: readonly TlObject[]): Buffer {
  return tl.encode({ _: 'messages.channelMessages', pts: 7, count: 1_000, messages, topics: [], chats: [], users: [] });
}

/** The error's class, or undefined when there was none. */
function thrownBy(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

describe('reading TL directly', () => {
  const reachable = reachableFrom('Message');

  test('knows every constructor that can be in a message', () => {
    expect(reachable.length).toBeGreaterThan(300);
    const names = reachable.map(({ name }) => name);
    for (const name of ['messageMediaStory', 'keyboardButtonRow', 'pageBlockTable', 'messageActionStarGift', 'reactionPaid']) {
      expect(names).toContain(name);
    }
    const schema = new TlSchema();
    expect(reachable.filter(({ id }) => schema.find(id) === undefined)).toEqual([]);
  });

  test.each(reachable.map((definition) => [definition.name, definition] as const))(
    '%s: gives the JSON of GramJS’s object',
    (_, definition) => {
      fc.assert(
        fc.property(fc.gen(), (gen) => {
          const bytes = tl.encode(new RandomTl(gen).object(definition, 2));
          const theirs = splitTl(gramJsReads(bytes), new Set()).rest;
          const reader = new TlBytes(bytes);
          expect(JSON.stringify(json.value(reader))).toBe(JSON.stringify(theirs));
          expect(reader.left).toBe(0);
        }),
        { numRuns: 12 },
      );
    },
  );

  test('makes the rows that GramJS’s objects make, of whole random pages', () => {
    let messages = 0;
    fc.assert(
      fc.property(
        fc.gen(),
        fc.constantFrom('messages', 'messagesSlice', 'channelMessages', 'messagesNotModified'),
        (gen, name) => {
          const definition = constructors.find((one) => one.name === `messages.${name}`);
          const bytes = tl.encode(new RandomTl(gen).object(definition as NonNullable<typeof definition>));
          const [theirs, ours] = bothPages(bytes);
          expect(ours).toBe(theirs);
          messages += (JSON.parse(ours) as HistoryPage).messages.length;
        },
      ),
      { numRuns: 400 },
    );
    expect(messages).toBeGreaterThan(100);
  });

  test('makes the same rows of the built-in world', () => {
    const { channels } = loadWorld(undefined, silentLog);
    let count = 0;
    for (const channel of channels) {
      const { source } = channel;
      for (let from = 0; from < Math.min(source.size, 3_000); from += 100) {
        const size = Math.min(100, source.size - from);
        const page = Array.from({ length: size }, (_, index) => messageObject(channel, source.messageAt(from + index)));
        const [theirs, ours] = bothPages(channelMessages(page));
        if (ours !== theirs) expect(JSON.parse(ours)).toEqual(JSON.parse(theirs));
        expect(ours === theirs).toBe(true);
        count += size;
      }
    }
    expect(count).toBeGreaterThanOrEqual(5_500);
  });

  test.runIf(haveExports)('makes the same rows of real exports', () => {
    const { channels } = loadWorld(EXPORTS, silentLog);
    let count = 0;
    for (const channel of channels) {
      const { source } = channel;
      for (let from = 0; from < source.size; from += 100) {
        const size = Math.min(100, source.size - from);
        const page = Array.from({ length: size }, (_, index) => messageObject(channel, source.messageAt(from + index)));
        const [theirs, ours] = bothPages(channelMessages(page));
        if (ours !== theirs) expect(JSON.parse(ours)).toEqual(JSON.parse(theirs));
        expect(ours === theirs).toBe(true);
        count += size;
      }
    }
    expect(count).toBeGreaterThan(1_000);
  });

  test('looks at nothing behind the messages', () => {
    const whole = channelMessages([{ _: 'messageEmpty', id: 3 }]);
    const cut = whole.subarray(0, whole.length - 24);
    expect(history.page(new TlBytes(cut))).toEqual({ messages: [], oldestId: 3, total: 1_000, pts: 7 });
  });
});

describe('malformed data, read directly', () => {
  const geo = { _: 'messageMediaGeo', geo: { _: 'geoPointEmpty' } };
  const message = { _: 'message', id: 1, peerId: { _: 'peerChannel', channelId: 5 }, date: 1, message: 'hello', media: geo };
  const good = channelMessages([message, message]);
  /** The page with one constructor's number replaced by one that does not exist. */
  const withUnknown = (bytes: Buffer, name: string): Buffer => {
    const id = Buffer.alloc(4);
    id.writeUInt32LE(constructors.find((one) => one.name === name)?.id ?? 0);
    const out = Buffer.from(bytes);
    expect(out.includes(id)).toBe(true);
    out.writeUInt32LE(0xdeadbeef, out.indexOf(id));
    return out;
  };

  test('an answer that is a bare vector is read as GramJS reads it', () => {
    const bytes = Buffer.from(tl.encodeVector('User', [{ _: 'userEmpty', id: 7n }]));
    const ours = fastReadObject(tgReadObject as never).call(new BinaryReader(bytes) as unknown as ObjectReader);
    expect(JSON.stringify(ours)).toBe(JSON.stringify(gramJsReads(bytes)));
    expect(ours).toMatchObject([{ className: 'UserEmpty' }]);
  });

  test('an unknown constructor is the error that GramJS makes of it', () => {
    // Without a vector around it GramJS survives it too.
    const alone = withUnknown(tl.encode(message), 'geoPointEmpty');
    expect(thrownBy(() => gramJsReads(alone))).toBe('TypeNotFoundError');
    expect(thrownBy(() => json.value(new TlBytes(alone)))).toBe('TypeNotFoundError');
    for (const name of ['geoPointEmpty', 'messageMediaGeo', 'message', 'messages.channelMessages']) {
      expect(thrownBy(() => history.page(new TlBytes(withUnknown(good, name))))).toBe('TypeNotFoundError');
    }
  });

  test('is no page, and spoils none that comes after', () => {
    const before = JSON.stringify(history.page(new TlBytes(good)));
    for (let end = 0; end < good.length - 24; end++) {
      expect(thrownBy(() => history.page(new TlBytes(good.subarray(0, end))))).toMatch(/Error$/);
    }
    expect(JSON.stringify(history.page(new TlBytes(good)))).toBe(before);
  });

  test('never reads past the end of what it was given', () => {
    // The bytes behind the view would make it whole.
    for (let end = 4; end < good.length - 24; end += 4) {
      const view = Buffer.from(good.buffer, good.byteOffset, end);
      expect(thrownBy(() => history.page(new TlBytes(view)))).toMatch(/Error$/);
    }
    const claims = Buffer.from('15c4b51cffffff7f', 'hex');
    expect(thrownBy(() => json.value(new TlBytes(claims)))).toBe('RangeError');
    expect(() => new TlBytes(Buffer.from('ffffffff', 'hex')).string()).toThrow(RangeError);
    expect(() => new TlBytes(Buffer.from('feffffff', 'hex')).bytes()).toThrow(RangeError);
    expect(() => new TlBytes(Buffer.from('036162', 'hex')).string()).toThrow(RangeError);
    expect(() => new TlBytes(Buffer.alloc(7)).long()).toThrow(RangeError);
  });

  test('ends in a page or an Error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, bytes) => {
        const changed = Buffer.from(good);
        changed.set(bytes.subarray(0, changed.length - at), at);
        expect(thrownBy(() => history.page(new TlBytes(changed))) ?? 'Error').toMatch(/Error$/);
      }),
      { numRuns: 3_000 },
    );
    expect(history.page(new TlBytes(good)).messages).toHaveLength(2);
  });

  test('what is no answer to messages.getHistory is no page', () => {
    expect(() => history.page(new TlBytes(tl.encode(message)))).toThrow('no answer to messages.getHistory');
    const other = tl.encode({ _: 'messages.chats', chats: [] });
    expect(() => history.page(new TlBytes(other))).toThrow('no answer to messages.getHistory');
    expect(() => history.page(new TlBytes(channelMessages([{ ...message, id: 0 }])))).toThrow('without an id');
  });
});

describe('objects', () => {
  const ours = fastReadObject(tgReadObject);
  /** A reader whose objects, also those inside others, are read by our way. */
  class Fast extends BinaryReader {
    override tgReadObject(): unknown {
      return ours.call(this as unknown as ObjectReader);
    }
  }
  // What GramJS cannot read itself: a type in lower case, and the one that draws a number at random.
  const readable = constructors.filter(({ fields }) => !fields.some(({ type }) => /^%|^[vV]ector<%|^[vV]ector<[vV]/.test(type)));

  test('are what GramJS makes, for every constructor of the API', () => {
    expect(readable.length).toBeGreaterThan(1_300);
    fc.assert(
      fc.property(fc.gen(), fc.integer({ min: 0, max: 19 }), (gen, share) => {
        const random = new RandomTl(gen);
        for (let index = share; index < readable.length; index += 20) {
          const bytes = tl.encode(random.object(readable[index] as (typeof readable)[number], 3));
          const [theirReader, ourReader] = [new BinaryReader(bytes), new Fast(bytes)];
          const theirs = theirReader.tgReadObject();
          const made = ourReader.tgReadObject() as object;
          if (!isDeepStrictEqual(made, theirs)) expect(made).toEqual(theirs);
          expect(made.constructor).toBe(theirs.constructor);
          expect(ourReader.tellPosition()).toBe(theirReader.tellPosition());
        }
      }),
      { numRuns: 40 },
    );
  });

  test('a vector that cannot be read does not spoil the next one', () => {
    const invitation = {
      _: 'messageActionInviteToGroupCall',
      call: { _: 'inputGroupCall', id: 1, accessHash: 2 },
      users: [1n, 2n],
    };
    const good = tl.encode(invitation);
    const cut = good.subarray(0, good.length - 8);
    const usersOf = (reader: BinaryReader) => (reader.tgReadObject() as Api.MessageActionInviteToGroupCall).users.map(String);
    expect(thrownBy(() => usersOf(new Fast(cut)))).toBe('Error');
    expect(usersOf(new Fast(good))).toEqual(['1', '2']);
    expect(json.value(new TlBytes(good))).toMatchObject({ users: ['1', '2'] });
    // GramJS's own is spoilt by it; nothing after this reads that class with it.
    expect(thrownBy(() => usersOf(new BinaryReader(cut)))).toBe('Error');
    expect(thrownBy(() => usersOf(new BinaryReader(good)))).toBe('TypeError');
  });

  test('unknown constructors and cut data fail as GramJS’s do', () => {
    for (const hex of ['', '00', 'efbeadde', 'efbeadde00000000']) {
      const bytes = Buffer.from(hex, 'hex');
      expect(thrownBy(() => new Fast(bytes).tgReadObject())).toBe(thrownBy(() => gramJsReads(bytes)));
    }
    const whole = tl.encode({ _: 'geoPoint', long: 1, lat: 2, accessHash: 3 });
    for (let end = 0; end < whole.length; end++) {
      const cut = whole.subarray(0, end);
      expect(thrownBy(() => new Fast(cut).tgReadObject())).toBe(thrownBy(() => gramJsReads(cut)));
    }
  });
});

describe('byte strings', () => {
  const ours = fastReadBytes(tgReadBytes);
  const readBy = (read: typeof tgReadBytes, data: Buffer, offset: number) => {
    const reader = new BinaryReader(data) as unknown as BytesReader;
    reader.offset = offset;
    try {
      return { value: read.call(reader).toString('hex'), offset: reader.offset };
    } catch (error) {
      return { thrown: (error as Error).message, offset: reader.offset };
    }
  };

  test('are what GramJS reads, whole, cut or claiming too much', () => {
    const first = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 3, 4, 253, 254, 255));
    const data = fc.tuple(first, fc.uint8Array({ maxLength: 300 })).map(([head, tail]) => Buffer.from([head, ...tail]));
    fc.assert(
      fc.property(data, fc.nat(6), (bytes, offset) => {
        expect(readBy(ours, bytes, offset)).toEqual(readBy(tgReadBytes, bytes, offset));
      }),
      { numRuns: 2_000 },
    );
    const sizes = fc.integer({ min: 240, max: 66_000 });
    fc.assert(
      fc.property(sizes, fc.nat(5), (size, cut) => {
        const whole = Buffer.concat([Buffer.from([254, size & 255, (size >> 8) & 255, size >> 16]), Buffer.alloc(size + 3, 7)]);
        const bytes = whole.subarray(0, whole.length - cut);
        expect(readBy(ours, bytes, 0)).toEqual(readBy(tgReadBytes, bytes, 0));
      }),
      { numRuns: 100 },
    );
  });
});

describe('standing in for GramJS', () => {
  const strangers: Record<string, () => { readonly part: SpeedPart; readonly untouched: () => boolean }> = {
    'byte-strings'() {
      const own = function (this: BytesReader): Buffer {
        return tgReadBytes.call(this).subarray(1);
      };
      const target = { stream: Buffer.alloc(0), offset: 0, tgReadBytes: own };
      return { part: byteStringsPart(target), untouched: () => target.tgReadBytes === own };
    },
    objects() {
      const own = function (this: ObjectReader): unknown {
        const object = tgReadObject.call(this) as { count?: number };
        if (object.count !== undefined) object.count += 1;
        return object;
      };
      const target = { tgReadObject: own } as unknown as ObjectReader;
      return { part: objectsPart(target), untouched: () => target.tgReadObject === own };
    },
    history() {
      const own = () => new Api.messages.MessagesNotModified({ count: 9 });
      const target: HistoryRequest = { readResult: own };
      return { part: historyPart(target), untouched: () => target.readResult === own };
    },
  };

  test.each(Object.entries(strangers))('%s: steps aside with one warning and changes nothing', (_, make) => {
    const warnings: unknown[] = [];
    const { part, untouched } = make();
    const report = install([part], '2.26.22', { ...silentLog, warn: (fields) => warnings.push(fields) });
    expect(report).toEqual({ running: [], aside: [{ part: part.name, reason: expect.stringContaining('GramJS gives') }] });
    expect(warnings).toEqual(report.aside);
    expect(untouched()).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { meanTlBytes } from '../../bench/simulator/size.ts';
import { benchWorld, channelOf, MESSAGE_KINDS } from '../../bench/simulator/world.ts';
import { messageObject } from '../../src/simulator/message-view.ts';
import { packed, rpcResult, unpacked } from '../../src/simulator/rpc.ts';
import { tl } from '../../src/simulator/tl.ts';
import { TlReader } from '../../src/simulator/tl-reader.ts';

const MESSAGES = 1_000;

/** A channel of the world as it goes over the wire, message for message. */
function encoded(kind: (typeof MESSAGE_KINDS)[number], seed: number): string[] {
  const channel = benchWorld(MESSAGES, seed).channels.find(({ username }) => username === channelOf(kind));
  if (channel === undefined) throw new Error(`no ${kind} channel`);
  return Array.from({ length: MESSAGES }, (_, index) =>
    tl.encode(messageObject(channel, channel.source.messageAt(index))).toString('hex'),
  );
}

describe('the world of the benchmarks', () => {
  it.each(MESSAGE_KINDS)('has the same %s messages for the same seed, and others for another', (kind) => {
    expect(encoded(kind, 1)).toEqual(encoded(kind, 1));
    expect(encoded(kind, 2)).not.toEqual(encoded(kind, 1));
  });

  it('has light messages of about 260 bytes and rich ones of about 1,600', () => {
    const [light, rich] = benchWorld(MESSAGES, 1).channels.map(meanTlBytes);
    expect(light).toBeGreaterThan(240);
    expect(light).toBeLessThan(280);
    expect(rich).toBeGreaterThan(1_500);
    expect(rich).toBeLessThan(1_700);
  });

  it('finds its messages by id', () => {
    for (const { source } of benchWorld(MESSAGES, 1).channels) {
      expect([0, 1, 2, 500, MESSAGES, MESSAGES + 1, 2 ** 31 - 1].map((id) => source.countBelow(id))).toEqual([
        0,
        0,
        1,
        499,
        MESSAGES - 1,
        MESSAGES,
        MESSAGES,
      ]);
      expect(source.messageAt(499)).toMatchObject({ id: 500, date: source.dateAt(499) });
    }
  });

  it('has rich messages with all that makes them costly', () => {
    const [, rich] = benchWorld(MESSAGES, 1).channels;
    if (rich === undefined) throw new Error('no rich channel');
    const all = Array.from({ length: MESSAGES }, (_, index) => rich.source.messageAt(index));
    expect(new Set(all.map(({ media }) => media?._))).toEqual(
      new Set(['messageMediaPhoto', 'messageMediaDocument', 'messageMediaWebPage']),
    );
    expect(all.every(({ entities, reactions }) => entities.length >= 5 && reactions !== null)).toBe(true);
    for (const has of [all.filter(({ forward }) => forward !== null), all.filter(({ replyTo }) => replyTo !== null)]) {
      expect(has.length).toBeGreaterThan(MESSAGES / 5);
    }
  });
});

describe('a packed result', () => {
  const result = Buffer.from('what is said again and again '.repeat(100));

  it('is what it was once it is unpacked', () => {
    const bytes = packed(result);
    expect(bytes.length).toBeLessThan(result.length);
    const reader = new TlReader(bytes);
    reader.unsigned();
    expect(unpacked(reader)).toEqual(result);
  });

  it('goes as it is: it is not packed twice', () => {
    expect(rpcResult(1n, packed(result))).toEqual(rpcResult(1n, result));
  });
});

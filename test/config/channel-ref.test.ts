import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatChannelRef, parseChannelRef } from '../../src/channel-ref.ts';
import { VigiliaError } from '../../src/errors.ts';

const ID = { kind: 'id', chatId: -1001032086354 };
const HABR = { kind: 'username', username: 'habr_com' };

describe('a channel is named by', () => {
  it.each([
    [1032086354, ID],
    [-1001032086354, ID],
    ['1032086354', ID],
    ['-1001032086354', ID],
    [' 1032086354 ', ID],
    ['t.me/c/1032086354/5', ID],
    ['https://t.me/c/1032086354/5/6?single', ID],
    ['tg://privatepost?channel=1032086354&post=5', ID],
    ['habr_com', HABR],
    ['@habr_com', HABR],
    ['t.me/habr_com', HABR],
    ['https://t.me/habr_com', HABR],
    ['HTTPS://T.ME/habr_com', HABR],
    ['http://www.t.me/habr_com/', HABR],
    ['https://t.me/habr_com/123', HABR],
    ['https://t.me/habr_com/123?comment=4#x', HABR],
    ['https://t.me/s/habr_com', HABR],
    ['https://t.me/s/habr_com/77', HABR],
    ['telegram.me/habr_com', HABR],
    ['https://habr_com.t.me', HABR],
    ['tg://resolve?domain=habr_com', HABR],
    ['tg:resolve?post=1&domain=habr_com', HABR],
  ])('%s', (input, ref) => {
    expect(parseChannelRef(input)).toEqual(ref);
  });
});

describe('what names no channel is refused with a reason', () => {
  it.each([
    ['https://t.me/+AbCdEf', /invite/],
    ['t.me/joinchat/AbCdEf', /invite/],
    ['tg://join?invite=AbCdEf', /invite/],
    ['-12345', /basic group/],
    [-12345, /basic group/],
    [0, /whole number/],
    [1.5, /whole number/],
    [Number.NaN, /whole number/],
    [Number.POSITIVE_INFINITY, /whole number/],
    ['99999999999999999', /whole number/],
    ['-1999999999999', /whole number/],
    ['-1000000000000', /basic group/],
    ['', /numeric id/],
    ['@', /username/],
    ['ab', /numeric id/],
    ['@1abc', /username/],
    ['a'.repeat(33), /numeric id/],
    ['habr com', /numeric id/],
    ['https://example.org/habr_com', /t\.me/],
    ['https://t.me.example.org/habr_com', /t\.me/],
    ['https://t.me', /link/],
    ['https://t.me/share/url?url=x', /link/],
    ['https://t.me/addstickers/x', /link/],
    ['https://t.me/c/habr', /link/],
    ['tg://resolve', /link/],
    ['tg://resolve?phone=123', /username/],
    ["habr_com'; DROP TABLE messages", /numeric id/],
    ['habr\u0000com', /numeric id/],
  ])('%s', (input, reason) => {
    expect(() => parseChannelRef(input)).toThrow(expect.objectContaining({ code: 'INVALID_CHANNEL', field: 'channelId' }));
    expect(() => parseChannelRef(input)).toThrow(reason);
  });
});

describe('any input', () => {
  const username = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{2,31}$/);
  const site = fc.constantFrom('t.me/', 'https://t.me/s/', '@', '', 'http://telegram.me/', 'tg://resolve?domain=');
  const bareId = fc.integer({ min: 1, max: 997_852_516_352 });

  it('is a channel, or INVALID_CHANNEL and nothing else', () => {
    const input = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.tuple(site, fc.string()).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(input, (value) => {
        try {
          const ref = parseChannelRef(value);
          expect(parseChannelRef(formatChannelRef(ref))).toEqual(ref);
        } catch (error) {
          expect(error).toBeInstanceOf(VigiliaError);
          expect((error as VigiliaError).code).toBe('INVALID_CHANNEL');
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('that carries a username gives it in its spelling', () => {
    const reserved =
      /^(addemoji|addlist|addstickers|addstyle|addtheme|auction|boost|call|confirmphone|contact|giftcode|invoice|joinchat|login|msg|nft|proxy|setlanguage|share|socks|stars)$/i;
    fc.assert(
      fc.property(site, username, (prefix, name) => {
        fc.pre(!reserved.test(name));
        expect(parseChannelRef(prefix + name)).toEqual({ kind: 'username', username: name });
      }),
    );
  });

  it('that is an id gives one marked id, however it is written', () => {
    fc.assert(
      fc.property(bareId, (id) => {
        const ref = { kind: 'id', chatId: -1_000_000_000_000 - id };
        for (const written of [id, String(id), ref.chatId, String(ref.chatId), `t.me/c/${id}/1`])
          expect(parseChannelRef(written)).toEqual(ref);
      }),
    );
  });
});

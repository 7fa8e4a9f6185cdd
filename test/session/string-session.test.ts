import fc from 'fast-check';
import { StringSession } from 'telegram/sessions/index.js';
import { describe, expect, it } from 'vitest';
import { parseStringSession } from '../../src/actors/telegram/session/string-session.ts';
import { stringSession } from './fixtures.ts';

const INVALID = { code: 'SESSION_INVALID', fault: 'permanent' };

describe('a StringSession', () => {
  it('of GramJS is taken as it is, and GramJS reads it', () => {
    const session = stringSession(7, 4, '149.154.167.91');
    expect(parseStringSession(session)).toEqual({ session, dcId: 4 });
    expect(new StringSession(session)).toMatchObject({ dcId: 4, serverAddress: '149.154.167.91', port: 443 });
  });

  it('may be wrapped and have white space around it', () => {
    const session = stringSession();
    expect(parseStringSession(`\n  ${session.slice(0, 100)}\n${session.slice(100)} \r\n`).session).toBe(session);
  });

  it('of Telethon is taken too, with the letters of URLs', () => {
    const bytes = Buffer.concat([Buffer.from([2, 149, 154, 167, 51, 1, 187]), Buffer.alloc(256, 0xfb)]);
    const session = `1${bytes.toString('base64url')}=`;
    expect(session).toMatch(/[-_]/);
    expect(parseStringSession(session).dcId).toBe(2);
    expect(new StringSession(session)).toMatchObject({ dcId: 2, serverAddress: '149.154.167.51' });
  });

  it.each([
    ['nothing', '', /there is nothing/],
    ['white space', ' \n', /there is nothing/],
    ['another version', `2${stringSession().slice(1)}`, /version/],
    ['cut off', stringSession().slice(0, 200), /too short/],
    ['cut off a little', stringSession().slice(0, -8), /copied/],
    ['doubled', stringSession() + stringSession().slice(1), /base64|copied/],
    ['without data centre', stringSession(1, 0), /data centre/],
    ['with an empty key', stringSession(0), /key is empty/],
    ['with an address that is none', stringSession(1, 2, 'a b'), /address/],
    ['with other characters', `${stringSession().slice(0, 50)}!${stringSession().slice(51)}`, /base64/],
  ])('%s is refused, with the reason and without quoting it', (_what, text, reason) => {
    let refused: Error | undefined;
    try {
      parseStringSession(text);
    } catch (error) {
      refused = error as Error;
    }
    expect(refused).toMatchObject({ ...INVALID, message: expect.stringMatching(reason) });
    if (text.length > 20) expect(refused?.message).not.toContain(text.slice(5, 15));
  });

  it('or whatever else it is, the answer is a session or SESSION_INVALID', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String({ maxLength: 800 }).map((text) => `1${text}`),
        ),
        (text) => {
          try {
            expect(parseStringSession(text).dcId).toBeGreaterThan(0);
          } catch (error) {
            expect(error).toMatchObject(INVALID);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

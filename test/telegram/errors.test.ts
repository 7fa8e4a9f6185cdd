import * as common from 'telegram/errors/Common.js';
import { RPCMessageToError } from 'telegram/errors/index.js';
import { Api } from 'telegram/tl/index.js';
import { describe, expect, test } from 'vitest';
import { fromGramJs } from '../../src/actors/telegram/gramjs/errors.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';

/** The error that GramJS makes of Telegram's answer. */
function rpc(errorCode: number, errorMessage: string): Error {
  return RPCMessageToError({ errorCode, errorMessage } as never, new Api.messages.GetHistory({} as never));
}

// What Telegram answers, what it means for us, and the wait it names, in s.
const ANSWERS: readonly [number, string, ErrorCode, number?][] = [
  [420, 'FLOOD_WAIT_33', 'TELEGRAM_FLOOD', 33],
  [420, 'FLOOD_PREMIUM_WAIT_7', 'TELEGRAM_FLOOD', 7],
  [420, 'SLOWMODE_WAIT_5', 'TELEGRAM_FLOOD', 5],
  [420, 'TAKEOUT_INIT_DELAY_86400', 'TELEGRAM_FLOOD', 86_400],
  [420, '2FA_CONFIRM_WAIT_604800', 'TELEGRAM_FLOOD', 604_800],
  [420, 'FLOOD_TEST_PHONE_WAIT_9', 'TELEGRAM_FLOOD', 9],
  [420, 'FLOOD_WAIT_0', 'TELEGRAM_FLOOD', 0],
  [420, 'FROZEN_METHOD_INVALID', 'TELEGRAM_LIMITED'],
  [400, 'PEER_FLOOD', 'TELEGRAM_LIMITED'],
  [500, 'INTERNAL', 'TELEGRAM_TRANSIENT'],
  [500, 'AUTH_RESTART', 'TELEGRAM_TRANSIENT'],
  [500, 'PERSISTENT_TIMESTAMP_OUTDATED', 'TELEGRAM_TRANSIENT'],
  [500, 'MSG_WAIT_FAILED', 'TELEGRAM_TRANSIENT'],
  [400, 'MSG_WAIT_TIMEOUT', 'TELEGRAM_TRANSIENT'],
  [503, 'SERVICE_UNAVAILABLE', 'TELEGRAM_TRANSIENT'],
  [-503, 'Timeout', 'TELEGRAM_TRANSIENT'],
  [500, 'RPC_CALL_FAIL', 'TELEGRAM_TRANSIENT'],
  [400, 'RPC_MCGET_FAIL', 'TELEGRAM_TRANSIENT'],
  [401, 'AUTH_KEY_UNREGISTERED', 'TELEGRAM_REAUTH'],
  [401, 'AUTH_KEY_INVALID', 'TELEGRAM_REAUTH'],
  [401, 'SESSION_REVOKED', 'TELEGRAM_REAUTH'],
  [401, 'SESSION_EXPIRED', 'TELEGRAM_REAUTH'],
  [401, 'SESSION_PASSWORD_NEEDED', 'TELEGRAM_REAUTH'],
  [401, 'USER_DEACTIVATED', 'TELEGRAM_DEACTIVATED'],
  [401, 'USER_DEACTIVATED_BAN', 'TELEGRAM_DEACTIVATED'],
  [406, 'AUTH_KEY_DUPLICATED', 'TELEGRAM_KEY_DUPLICATED'],
  [400, 'CHANNEL_PRIVATE', 'CHANNEL_NOT_FOUND'],
  [406, 'CHANNEL_PRIVATE', 'CHANNEL_NOT_FOUND'],
  [400, 'CHANNEL_PUBLIC_GROUP_NA', 'CHANNEL_NOT_FOUND'],
  [400, 'CHANNEL_INVALID', 'CHANNEL_NOT_FOUND'],
  [403, 'USER_BANNED_IN_CHANNEL', 'CHANNEL_NOT_FOUND'],
  [400, 'USERNAME_INVALID', 'CHANNEL_NOT_FOUND'],
  [400, 'USERNAME_NOT_OCCUPIED', 'CHANNEL_NOT_FOUND'],
  [400, 'PEER_ID_INVALID', 'CHANNEL_NOT_FOUND'],
  [400, 'PERSISTENT_TIMESTAMP_INVALID', 'TELEGRAM_PLACE_UNKNOWN'],
  [400, 'PERSISTENT_TIMESTAMP_EMPTY', 'TELEGRAM_PLACE_UNKNOWN'],
  [500, 'PERSISTENT_TIMESTAMP_OUTDATED', 'TELEGRAM_TRANSIENT'],
  [400, 'INVITE_HASH_EXPIRED', 'TELEGRAM_REFUSED'],
  [400, 'MSG_ID_INVALID', 'TELEGRAM_REFUSED'],
  [400, 'CHAT_ADMIN_REQUIRED', 'TELEGRAM_REFUSED'],
  [400, 'PHONE_CODE_INVALID', 'TELEGRAM_REFUSED'],
  [400, 'PHONE_CODE_EXPIRED', 'TELEGRAM_REFUSED'],
  [400, 'PHONE_NUMBER_BANNED', 'TELEGRAM_REFUSED'],
  [400, 'API_ID_INVALID', 'TELEGRAM_REFUSED'],
  [406, 'UPDATE_APP_TO_LOGIN', 'TELEGRAM_REFUSED'],
  [403, 'CHAT_WRITE_FORBIDDEN', 'TELEGRAM_REFUSED'],
  [404, 'METHOD_INVALID', 'TELEGRAM_REFUSED'],
  [400, 'SOMETHING_NEW', 'TELEGRAM_REFUSED'],
  [400, 'TIMEOUT', 'TELEGRAM_GENERATION'],
  [400, 'CONNECTION_NOT_INITED', 'TELEGRAM_GENERATION'],
  [400, 'CONNECTION_LAYER_INVALID', 'TELEGRAM_GENERATION'],
];

describe('what Telegram’s answers mean for us', () => {
  test.each(ANSWERS)('%d %s is %s', (code, message, expected, waitS) => {
    const thrown = rpc(code, message);
    const error = fromGramJs(thrown, 'messages.GetHistory');
    expect(error.code).toBe(expected);
    expect(error.retryAfterMs).toBe(waitS === undefined ? undefined : waitS * 1_000);
    expect(error.message).toContain('messages.GetHistory');
    expect(error.cause).toBe(thrown);
    if (waitS === undefined && !message.startsWith('MSG_WAIT_')) expect(error.message).toContain(message);
  });

  test('a session that is gone is told in words, with Telegram’s own behind them', () => {
    expect(fromGramJs(rpc(401, 'SESSION_REVOKED'), 'updates.GetState').message).toBe(
      "Telegram does not accept the account's session any more (Telegram answered updates.GetState with 401 SESSION_REVOKED)",
    );
  });
});

describe('what GramJS throws by itself', () => {
  test.each([
    [new common.TypeNotFoundError(0x1234, Buffer.alloc(0)), 'TELEGRAM_GENERATION'],
    [new common.SecurityError('the message id is too old'), 'TELEGRAM_GENERATION'],
    [new common.InvalidChecksumError(1, 2), 'TELEGRAM_GENERATION'],
    [new common.InvalidBufferError(Buffer.from([0x53, 0xfe, 0xff, 0xff])), 'TELEGRAM_GENERATION'],
    [new Error('Not connected'), 'TELEGRAM_TRANSIENT'],
    ['a text', 'TELEGRAM_TRANSIENT'],
    [undefined, 'TELEGRAM_TRANSIENT'],
    [null, 'TELEGRAM_TRANSIENT'],
  ] as const)('%s', (thrown, code) => {
    expect(fromGramJs(thrown, 'connect').code).toBe(code);
  });

  test('an error that is ours already stays as it is', () => {
    const ours = new VigiliaError('TELEGRAM_TIMEOUT', 'late');
    expect(fromGramJs(ours, 'x')).toBe(ours);
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { VigiliaError } from '../../src/errors.ts';
import type { House } from '../simulator/house.ts';
import { AWAY, AWAY_SAFE, BANNED, BY_QR, byCode, FLOODED, LoginHouse, PLAIN, SAFE } from './login-house.ts';

vi.setConfig({ testTimeout: 60_000 });

let simulator: House;
let house: LoginHouse;
beforeAll(async () => {
  simulator = await LoginHouse.simulator();
});
beforeEach(async () => {
  house = await LoginHouse.open(simulator);
});
afterEach(() => house.close());
afterAll(() => simulator.close());

const stored = async (): Promise<string> => (await house.vault.read('main')) ?? '';
const calls = (method: string): Promise<number> => house.calls(method);

describe('a login by code', () => {
  test('asks for the code, saves the session, and only then has the account connect with it', async () => {
    let toldAtSave: readonly string[] = [];
    house.beforeWrite = async () => {
      toldAtSave = [...house.told];
    };
    const asked = await house.begin(byCode(PLAIN));
    expect(asked).toMatchObject({
      state: 'awaiting-code',
      phone: '+55…1234',
      code: { via: 'app', length: 5, nextVia: 'sms' },
      triesLeft: 5,
      error: null,
    });
    expect((asked.expiresAt ?? 0) - Date.now()).toBeGreaterThan(590_000);
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done', error: null, expiresAt: null });
    expect(toldAtSave).toEqual([]);
    expect(house.told).toEqual(['logged-in']);
    // The login's own connection is closed before anybody else's is opened.
    await house.idle();
    expect(await house.worksAs(await stored())).toBe(PLAIN.phone);
    expect((await house.control.tell('stats', {})).maxSocketsPerKey).toBe(1);
  });

  test('leaves no secret anywhere', async () => {
    await house.begin(byCode(SAFE));
    await house.code('98765187');
    expect(house.leaks([SAFE.phone, '98765187'])).toEqual([]);
    await house.code(SAFE.code);
    await house.password('not the one');
    expect(house.leaks([SAFE.phone, SAFE.code, 'not the one'])).toEqual([]);
    await house.password(SAFE.password);
    const session = await stored();
    expect(house.leaks([SAFE.phone, SAFE.code, SAFE.password, session, session.slice(20, 60)])).toEqual([]);
    expect(house.lines.length).toBeGreaterThan(3);
  });

  test('of another person than the account has been of saves nothing, and is undone at Telegram', async () => {
    await house.begin(byCode(PLAIN));
    await house.code(PLAIN.code);
    const before = await stored();
    const loggedOut = await calls('auth.logOut');
    await house.begin(byCode(SAFE));
    await house.code(SAFE.code);
    expect(await house.password(SAFE.password)).toMatchObject({
      state: 'failed',
      error: { code: 'ACCOUNT_OF_ANOTHER', message: expect.stringContaining('make another account for this one') },
    });
    expect(await stored()).toBe(before);
    expect(await calls('auth.logOut')).toBe(loggedOut + 1);
    expect(house.told).toEqual(['logged-in']);
    await house.begin(byCode(PLAIN));
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done', error: null });
  });

  test('counts wrong codes, and ends after the fifth', async () => {
    await house.begin(byCode(PLAIN));
    for (const triesLeft of [4, 3, 2, 1]) {
      expect(await house.code('00000')).toMatchObject({
        state: 'awaiting-code',
        triesLeft,
        error: { code: 'LOGIN_CODE_INVALID' },
      });
    }
    expect(await house.code('00000')).toMatchObject({ state: 'failed', error: { code: 'LOGIN_CODE_INVALID' } });
    expect(house.told).toEqual([]);
    expect(await stored()).toBe('');
  });

  test('takes the right code after a wrong one', async () => {
    await house.begin(byCode(PLAIN));
    await house.code('00000');
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done', error: null });
  });

  test('sends another code when one has expired, and says so', async () => {
    await house.begin(byCode(PLAIN));
    await house.control.tell('expire', { what: 'codes' });
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'awaiting-code', error: { code: 'LOGIN_CODE_EXPIRED' } });
    expect(await calls('auth.sendCode')).toBe(2);
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done', error: null });
  });

  test('does not send codes without end', async () => {
    await house.begin(byCode(PLAIN));
    let view = await house.desk.view('main');
    for (let sent = 0; view.state === 'awaiting-code' && sent < 10; sent++) {
      await house.control.tell('expire', { what: 'codes' });
      view = await house.code(PLAIN.code);
    }
    expect(view).toMatchObject({ state: 'failed', error: { code: 'LOGIN_CODE_EXPIRED' } });
    expect(await calls('auth.sendCode')).toBe(3);
  });

  test('resends the code another way, until there is none', async () => {
    await house.begin(byCode(PLAIN));
    expect(await house.resend()).toMatchObject({ state: 'awaiting-code', code: { via: 'sms', nextVia: 'call' }, error: null });
    expect(await house.resend()).toMatchObject({ state: 'awaiting-code', code: { via: 'call', nextVia: null }, error: null });
    expect(await house.resend()).toMatchObject({ state: 'awaiting-code', error: { code: 'LOGIN_NO_OTHER_WAY' } });
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done', error: null });
  });

  test.each([
    [byCode({ phone: '5511999999999' }), 'LOGIN_PHONE_INVALID'],
    [byCode(BANNED), 'LOGIN_PHONE_BANNED'],
    [byCode(FLOODED), 'LOGIN_PHONE_FLOODED'],
  ])('%j fails with the reason', async (request, code) => {
    expect(await house.begin(request)).toMatchObject({ state: 'failed', error: { code } });
    await house.idle();
  });

  test.each([
    [400, 'API_ID_INVALID', 'LOGIN_APP_REFUSED'],
    [400, 'API_ID_PUBLISHED_FLOOD', 'LOGIN_APP_REFUSED'],
    [406, 'UPDATE_APP_TO_LOGIN', 'LOGIN_APP_REFUSED'],
    [406, 'PHONE_PASSWORD_FLOOD', 'LOGIN_PHONE_FLOODED'],
  ])('Telegram’s %s %s is %s', async (code, message, ours) => {
    await house.control.tell('fail', { method: 'auth.sendCode', code, message, times: 1 });
    expect(await house.begin(byCode(PLAIN))).toMatchObject({ state: 'failed', error: { code: ours } });
  });

  test('begins anew where Telegram wants it restarted', async () => {
    await house.control.tell('fail', { method: 'auth.sendCode', code: 500, message: 'AUTH_RESTART', times: 1 });
    expect(await house.begin(byCode(PLAIN))).toMatchObject({ state: 'awaiting-code' });
    await house.control.tell('fail', { method: 'auth.signIn', code: 500, message: 'AUTH_RESTART', times: 1 });
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'awaiting-code', error: { code: 'LOGIN_LOST' } });
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done' });
  });

  test('goes on at the data centre where the phone lives', async () => {
    expect(await house.begin(byCode(AWAY))).toMatchObject({ state: 'awaiting-code' });
    expect(await house.code(AWAY.code)).toMatchObject({ state: 'done' });
    await house.idle();
    expect(await house.worksAs(await stored())).toBe(AWAY.phone);
  });
});

describe('a password', () => {
  test('is asked for after the code, with its hint', async () => {
    await house.begin(byCode(SAFE));
    expect(await house.code(SAFE.code)).toMatchObject({ state: 'awaiting-password', passwordHint: 'a horse', triesLeft: 5 });
    expect(await house.password('wrong')).toMatchObject({
      state: 'awaiting-password',
      triesLeft: 4,
      error: { code: 'LOGIN_PASSWORD_INVALID' },
    });
    expect(await house.password(SAFE.password)).toMatchObject({ state: 'done', passwordHint: null, error: null });
    await house.idle();
    expect(await house.worksAs(await stored())).toBe(SAFE.phone);
  });

  test('is proved anew when the parameters of the check have expired', async () => {
    await house.begin(byCode(SAFE));
    await house.code(SAFE.code);
    await house.control.tell('expire', { what: 'passwords' });
    expect(await house.password(SAFE.password)).toMatchObject({ state: 'done' });
  });

  test('wrong too often has to wait as long as Telegram says, and nothing is asked before', async () => {
    await house.control.tell('limits', { passwordTries: 1, passwordWaitSeconds: 3 });
    await house.begin(byCode(SAFE));
    await house.code(SAFE.code);
    await house.password('wrong');
    const waiting = await house.password(SAFE.password);
    expect(waiting).toMatchObject({ state: 'awaiting-password', error: { code: 'TELEGRAM_FLOOD' } });
    expect((waiting.waitUntil ?? 0) - Date.now()).toBeGreaterThan(500);
    const asked = await calls('auth.checkPassword');
    await expect(house.desk.givePassword('main', SAFE.password)).rejects.toMatchObject({
      code: 'TELEGRAM_FLOOD',
      retryAfterMs: expect.any(Number),
    });
    expect(await calls('auth.checkPassword')).toBe(asked);
    await house.when(({ waitUntil }) => waitUntil === null);
    expect(await house.password(SAFE.password)).toMatchObject({ state: 'done' });
  });

  test('that Telegram does not wait for any more has the login begin anew', async () => {
    await house.begin(byCode(SAFE));
    await house.code(SAFE.code);
    await house.control.tell('fail', { method: 'account.getPassword', code: 401, message: 'AUTH_KEY_UNREGISTERED', times: 1 });
    expect(await house.password(SAFE.password)).toMatchObject({ state: 'awaiting-code', error: { code: 'TELEGRAM_REAUTH' } });
    await house.code(SAFE.code);
    expect(await house.password(SAFE.password)).toMatchObject({ state: 'done', error: null });
  });
});

describe('a login by QR code', () => {
  const accept = (phone: string) => house.control.tell('acceptToken', { phone });

  test('is done once another device accepts', async () => {
    const shown = await house.begin(BY_QR);
    expect(shown).toMatchObject({
      state: 'showing-qr',
      phone: null,
      qr: { url: expect.stringMatching(/^tg:\/\/login\?token=/) },
    });
    const token = shown.qr?.url.split('=')[1] ?? '';
    expect(await house.control.tell('token', {})).toEqual({ token });
    expect(house.leaks([token])).toEqual([]);
    await accept(PLAIN.phone);
    expect(await house.reaches('done')).toMatchObject({ qr: null });
    await house.idle();
    expect(await house.worksAs(await stored())).toBe(PLAIN.phone);
  });

  test('shows another token before the one shown is over', async () => {
    await house.control.tell('limits', { tokenSeconds: 4 });
    const first = await house.begin(BY_QR);
    const second = await house.when(({ qr }) => qr !== null && qr.url !== first.qr?.url);
    expect(second.qr?.expiresAt).toBeGreaterThan(first.qr?.expiresAt ?? 0);
    await accept(PLAIN.phone);
    await house.reaches('done');
  });

  test('goes on at the data centre of whoever accepts', async () => {
    await house.begin(BY_QR);
    await accept(AWAY.phone);
    await house.reaches('done');
    await house.idle();
    expect(await house.worksAs(await stored())).toBe(AWAY.phone);
  });

  test.each([
    ['at home', SAFE],
    ['at another data centre', AWAY_SAFE],
  ])('asks for the password of an account %s', async (_, account) => {
    await house.begin(BY_QR);
    await accept(account.phone);
    await house.reaches('awaiting-password');
    expect(await house.password(account.password)).toMatchObject({ state: 'done' });
    await house.idle();
    expect(await house.worksAs(await stored())).toBe(account.phone);
  });

  test('hears of an acceptance that came while the connection was gone', async () => {
    await house.begin(BY_QR);
    await house.control.tell('drop', {});
    await accept(PLAIN.phone);
    await house.reaches('done');
  });
});

describe('a flood wait', () => {
  test('on sending the code is waited for where a person would, and shown', async () => {
    await house.control.tell('fail', { method: 'auth.sendCode', code: 420, message: 'FLOOD_WAIT_2', times: 1 });
    const waiting = await house.begin(byCode(PLAIN));
    expect(waiting).toMatchObject({ state: 'sending-code', error: { code: 'TELEGRAM_FLOOD' } });
    expect((waiting.waitUntil ?? 0) - Date.now()).toBeGreaterThan(500);
    expect(await house.reaches('awaiting-code')).toMatchObject({ waitUntil: null });
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done' });
  });

  test('of a day ends the login, and says until when', async () => {
    await house.control.tell('fail', { method: 'auth.sendCode', code: 420, message: 'FLOOD_WAIT_86400', times: 1 });
    const failed = await house.begin(byCode(PLAIN));
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'TELEGRAM_FLOOD' } });
    expect((failed.waitUntil ?? 0) - Date.now()).toBeGreaterThan(86_000_000);
  });
});

describe('a connection that is lost', () => {
  test('while the code is awaited costs nothing: the code still counts', async () => {
    await house.begin(byCode(PLAIN));
    await house.control.tell('drop', {});
    await house.idle();
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'done' });
    expect(await calls('auth.sendCode')).toBe(1);
  });

  test('while the password is awaited costs nothing either', async () => {
    await house.begin(byCode(SAFE));
    await house.code(SAFE.code);
    await house.control.tell('drop', {});
    await house.idle();
    expect(await house.password(SAFE.password)).toMatchObject({ state: 'done' });
  });

  test('before the answer to the code came: it is asked what became of it', async () => {
    await house.begin(byCode(PLAIN));
    await house.control.tell('delay', { method: 'auth.signIn', delayMs: 60_000 });
    await house.desk.giveCode('main', PLAIN.code);
    // Done at Telegram, and nobody heard of it.
    while ((await calls('auth.signIn')) === 0);
    await house.control.tell('drop', {});
    await house.reaches('done');
    expect(await calls('auth.signIn')).toBe(1);
    await house.idle();
    expect(await house.worksAs(await stored())).toBe(PLAIN.phone);
  });

  test('the same for a password', async () => {
    await house.begin(byCode(SAFE));
    await house.code(SAFE.code);
    await house.control.tell('delay', { method: 'auth.checkPassword', delayMs: 60_000 });
    await house.desk.givePassword('main', SAFE.password);
    while ((await calls('auth.checkPassword')) === 0);
    await house.control.tell('drop', {});
    await house.reaches('done');
    expect(await calls('auth.checkPassword')).toBe(1);
  });

  test('is opened again while it cannot be opened', async () => {
    await house.control.tell('freeze', {});
    await house.desk.begin('main', byCode(PLAIN), false);
    await house.control.tell('drop', {});
    await house.control.tell('thaw', {});
    expect(await house.reaches('awaiting-code')).toBeDefined();
  });
});

describe('a session that cannot be saved', () => {
  test('is not lost: it is said, and tried again until it can', async () => {
    let refusals = 2;
    house.beforeWrite = async () => {
      if (refusals-- > 0) throw new VigiliaError('DATA_DIR_UNUSABLE', 'the disk is full');
    };
    await house.begin(byCode(PLAIN));
    expect(await house.code(PLAIN.code)).toMatchObject({ state: 'saving', error: { code: 'DATA_DIR_UNUSABLE' } });
    expect(house.told).toEqual([]);
    await house.reaches('done');
    expect(await house.worksAs(await stored())).toBe(PLAIN.phone);
  });

  test('is ended at Telegram when the login is cancelled', async () => {
    house.beforeWrite = async () => {
      throw new VigiliaError('DATA_DIR_UNUSABLE', 'the disk is full');
    };
    await house.begin(byCode(PLAIN));
    await house.code(PLAIN.code);
    expect(await house.cancel()).toMatchObject({ state: 'cancelled' });
    expect(await calls('auth.logOut')).toBe(1);
    expect(await stored()).toBe('');
  });
});

describe('a person', () => {
  test('can cancel: the code is taken back', async () => {
    await house.begin(byCode(PLAIN));
    expect(await house.cancel()).toMatchObject({ state: 'cancelled', expiresAt: null });
    expect(await calls('auth.cancelCode')).toBe(1);
    await house.idle();
    await expect(house.desk.cancel('main')).rejects.toMatchObject({ code: 'LOGIN_WRONG_STEP' });
    await expect(house.desk.giveCode('main', PLAIN.code)).rejects.toMatchObject({ code: 'LOGIN_WRONG_STEP' });
    expect(await house.begin(byCode(PLAIN))).toMatchObject({ state: 'awaiting-code' });
  });

  test('can cancel while nothing answers', async () => {
    await house.begin(byCode(PLAIN));
    await house.control.tell('freeze', {});
    expect(await house.cancel()).toMatchObject({ state: 'cancelled' });
    await house.control.tell('thaw', {});
  });

  test('is told what cannot be done', async () => {
    await expect(house.desk.view('main')).rejects.toMatchObject({ code: 'LOGIN_NOT_FOUND' });
    await expect(house.desk.begin('absent', BY_QR, false)).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
    await house.begin(byCode(PLAIN));
    await expect(house.desk.begin('main', BY_QR, false)).rejects.toMatchObject({ code: 'LOGIN_UNDER_WAY' });
    await expect(house.desk.givePassword('main', 'x')).rejects.toMatchObject({ code: 'LOGIN_WRONG_STEP' });
    house.state = 'authenticated';
    await expect(house.desk.begin('other', BY_QR, false)).rejects.toMatchObject({ code: 'LOGIN_NOT_NEEDED' });
    expect(await house.desk.begin('other', BY_QR, true)).toMatchObject({ state: 'showing-qr' });
  });

  test('hears of it when the program stopped under the login', async () => {
    await house.begin(byCode(PLAIN));
    await house.system.stop();
    expect(await house.desk.view('main')).toMatchObject({ state: 'failed', error: { code: 'LOGIN_LOST' } });
  });
});

describe('several logins', () => {
  test('of different accounts do not know of each other', async () => {
    const [one, two] = await Promise.all([house.begin(byCode(PLAIN), 'one'), house.begin(byCode(AWAY), 'two')]);
    expect([one.state, two.state]).toEqual(['awaiting-code', 'awaiting-code']);
    await Promise.all([house.code(PLAIN.code, 'one'), house.code(AWAY.code, 'two')]);
    await house.idle();
    expect(await house.worksAs((await house.vault.read('one')) ?? '')).toBe(PLAIN.phone);
    expect(await house.worksAs((await house.vault.read('two')) ?? '')).toBe(AWAY.phone);
  });
});

describe('a client that does not know where the other data centre is', () => {
  test('asks, also for a session that is of there', async () => {
    const blind = await LoginHouse.open(simulator, { dataCentres: false });
    try {
      await blind.begin(byCode(AWAY));
      expect(await blind.code(AWAY.code)).toMatchObject({ state: 'done' });
      const session = (await blind.vault.read('main')) ?? '';
      await blind.idle();
      expect(await blind.worksAs(session)).toBe(AWAY.phone);
    } finally {
      await blind.close();
    }
  });
});

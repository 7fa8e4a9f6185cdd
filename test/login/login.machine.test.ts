import { describe, expect, test } from 'vitest';
import { createActor, fromPromise } from 'xstate';
import { stateName } from '../../src/actors/state-name.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';
import { type LoginEvent, loginMachine, PATIENCE_MS } from '../../src/machines/login.machine.ts';
import type { LoginState } from '../../src/ports.ts';
import { type Deferred, deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const STEPS = [
  'sendCode',
  'resendCode',
  'signIn',
  'askPassword',
  'checkPassword',
  'exportToken',
  'save',
  'cancelLogin',
  'closeLink',
] as const;
type Step = (typeof STEPS)[number];

const SENT = { via: 'app', length: 5, nextVia: 'sms', resendAfterS: 120 };

/** The machine, alive on a virtual clock; what it asks for waits until the test answers. */
class House {
  readonly clock = new VirtualClock();
  readonly told: LoginState[] = [];
  readonly asked: Step[] = [];
  /** Whether each step that can be was asked for as one whose answer is missing. */
  readonly unsure: boolean[] = [];
  announced = 0;
  letGo = 0;
  readonly #open = new Map<Step, Deferred<unknown>>();
  readonly actor;

  constructor(method: 'code' | 'qr' = 'code') {
    const ask = (step: Step) =>
      fromPromise<never, never>(({ input }: { input?: { isUnsure: boolean } }) => {
        this.asked.push(step);
        if (input) this.unsure.push(input.isUnsure);
        const answer = deferred<unknown>();
        this.#open.set(step, answer);
        return answer.promise as Promise<never>;
      });
    this.actor = createActor(
      loginMachine.provide({
        actors: Object.fromEntries(STEPS.map((step) => [step, ask(step)])) as never,
        actions: {
          tell: (_, { state }) => void this.told.push(state),
          announce: () => void this.announced++,
          letGo: () => void this.letGo++,
        },
      }),
      { input: { method, policy: { now: this.clock.now, backoffMs: (attempt) => 1_000 * (attempt + 1) } }, clock: this.clock },
    );
    this.actor.start();
  }

  get state(): string {
    return stateName(this.actor.getSnapshot().value);
  }

  get context() {
    return this.actor.getSnapshot().context;
  }

  async send(type: LoginEvent['type']): Promise<this> {
    this.actor.send({ type });
    await this.clock.settle();
    return this;
  }

  async done(step: Step, output?: unknown): Promise<this> {
    this.#answer(step).resolve(output);
    await this.clock.settle();
    return this;
  }

  async failed(step: Step, code: ErrorCode, retryAfterMs?: number): Promise<this> {
    this.#answer(step).reject(new VigiliaError(code, `${step} failed`, retryAfterMs === undefined ? {} : { retryAfterMs }));
    await this.clock.settle();
    return this;
  }

  #answer(step: Step): Deferred<unknown> {
    const answer = this.#open.get(step);
    if (!answer) throw new Error(`nobody asked to ${step}`);
    return answer;
  }

  // Where most tests begin.
  awaitingCode = (): Promise<this> => this.done('sendCode', SENT);
  checkingCode = (): Promise<this> => this.awaitingCode().then(() => this.send('CODE'));
  askingPassword = (): Promise<this> => this.checkingCode().then(() => this.failed('signIn', 'LOGIN_PASSWORD_NEEDED'));
  awaitingPassword = (): Promise<this> => this.askingPassword().then(() => this.done('askPassword', 'a hint'));
  checkingPassword = (): Promise<this> => this.awaitingPassword().then(() => this.send('PASSWORD'));
  saving = (): Promise<this> => this.checkingCode().then(() => this.done('signIn'));
}

const shown = (): Promise<House> => {
  const house = new House('qr');
  return house.done('exportToken', house.clock.now() + 30_000);
};
const at: Record<string, () => Promise<House>> = {
  'sending-code': async () => new House(),
  'awaiting-code': () => new House().awaitingCode(),
  'resending-code': async () => (await new House().awaitingCode()).send('RESEND'),
  'checking-code': () => new House().checkingCode(),
  'asking-password': () => new House().askingPassword(),
  'awaiting-password': () => new House().awaitingPassword(),
  'checking-password': () => new House().checkingPassword(),
  'showing-qr.asking': async () => new House('qr'),
  'showing-qr.shown': shown,
  saving: () => new House().saving(),
};
const reach = (state: string): Promise<House> => at[state]?.() ?? Promise.reject(new Error(`no way to ${state}`));

describe('each step leads where it should', () => {
  const ways: readonly (readonly [from: string, how: (house: House) => Promise<unknown>, to: string])[] = [
    ['sending-code', (house) => house.done('sendCode', SENT), 'awaiting-code.ready'],
    ['sending-code', (house) => house.done('sendCode', undefined), 'saving.writing'],
    ['sending-code', (house) => house.failed('sendCode', 'LOGIN_PHONE_INVALID'), 'failed'],
    ['sending-code', (house) => house.failed('sendCode', 'LOGIN_APP_REFUSED'), 'failed'],
    ['sending-code', (house) => house.failed('sendCode', 'TELEGRAM_TIMEOUT'), 'sending-code.pausing'],
    ['sending-code', (house) => house.failed('sendCode', 'TELEGRAM_KEY_UNKNOWN'), 'sending-code.pausing'],
    ['sending-code', (house) => house.failed('sendCode', 'TELEGRAM_FLOOD', 30_000), 'sending-code.flooded'],
    ['sending-code', (house) => house.failed('sendCode', 'TELEGRAM_FLOOD', PATIENCE_MS), 'failed'],
    ['awaiting-code', (house) => house.send('CODE'), 'checking-code.asking'],
    ['awaiting-code', (house) => house.send('RESEND'), 'resending-code.asking'],
    ['awaiting-code', (house) => house.send('PASSWORD'), 'awaiting-code.ready'],
    ['awaiting-code', (house) => house.send('LINK_DOWN'), 'awaiting-code.ready'],
    ['awaiting-code', (house) => house.clock.advance(PATIENCE_MS), 'failed'],
    ['resending-code', (house) => house.done('resendCode', { ...SENT, via: 'sms' }), 'awaiting-code.ready'],
    ['resending-code', (house) => house.failed('resendCode', 'LOGIN_CODE_EXPIRED'), 'sending-code.asking'],
    ['resending-code', (house) => house.failed('resendCode', 'LOGIN_NO_OTHER_WAY'), 'awaiting-code.ready'],
    ['resending-code', (house) => house.failed('resendCode', 'TELEGRAM_FLOOD', 30_000), 'awaiting-code.flooded'],
    ['checking-code', (house) => house.done('signIn'), 'saving.writing'],
    ['checking-code', (house) => house.failed('signIn', 'LOGIN_CODE_INVALID'), 'awaiting-code.ready'],
    ['checking-code', (house) => house.failed('signIn', 'LOGIN_CODE_EXPIRED'), 'sending-code.asking'],
    ['checking-code', (house) => house.failed('signIn', 'LOGIN_PASSWORD_NEEDED'), 'asking-password.asking'],
    ['checking-code', (house) => house.failed('signIn', 'LOGIN_SIGN_UP_NEEDED'), 'failed'],
    ['checking-code', (house) => house.failed('signIn', 'LOGIN_LOST'), 'sending-code.asking'],
    ['checking-code', (house) => house.failed('signIn', 'TELEGRAM_KEY_UNKNOWN'), 'sending-code.asking'],
    ['checking-code', (house) => house.failed('signIn', 'TELEGRAM_OFFLINE'), 'checking-code.pausing'],
    ['checking-code', (house) => house.failed('signIn', 'TELEGRAM_FLOOD', 90_000_000), 'awaiting-code.flooded'],
    ['asking-password', (house) => house.done('askPassword', null), 'awaiting-password.ready'],
    ['asking-password', (house) => house.failed('askPassword', 'TELEGRAM_REAUTH'), 'sending-code.asking'],
    ['asking-password', (house) => house.failed('askPassword', 'TELEGRAM_TIMEOUT'), 'asking-password.pausing'],
    ['awaiting-password', (house) => house.send('PASSWORD'), 'checking-password.asking'],
    ['awaiting-password', (house) => house.clock.advance(PATIENCE_MS), 'failed'],
    ['checking-password', (house) => house.done('checkPassword'), 'saving.writing'],
    ['checking-password', (house) => house.failed('checkPassword', 'LOGIN_PASSWORD_INVALID'), 'awaiting-password.ready'],
    ['checking-password', (house) => house.failed('checkPassword', 'TELEGRAM_FLOOD', 60_000), 'awaiting-password.flooded'],
    ['checking-password', (house) => house.failed('checkPassword', 'TELEGRAM_REAUTH'), 'sending-code.asking'],
    ['checking-password', (house) => house.failed('checkPassword', 'TELEGRAM_OFFLINE'), 'checking-password.pausing'],
    ['showing-qr.asking', (house) => house.done('exportToken', 1), 'showing-qr.shown'],
    ['showing-qr.asking', (house) => house.done('exportToken', 'accepted'), 'saving.writing'],
    ['showing-qr.asking', (house) => house.failed('exportToken', 'LOGIN_PASSWORD_NEEDED'), 'asking-password.asking'],
    ['showing-qr.asking', (house) => house.failed('exportToken', 'TELEGRAM_KEY_UNKNOWN'), 'showing-qr.pausing'],
    ['showing-qr.shown', (house) => house.send('TOKEN_ACCEPTED'), 'showing-qr.asking'],
    ['showing-qr.shown', (house) => house.send('LINK_DOWN'), 'showing-qr.pausing'],
    ['showing-qr.shown', (house) => house.clock.advance(27_000), 'showing-qr.asking'],
    ['saving', (house) => house.done('save'), 'done'],
    ['saving', (house) => house.failed('save', 'DATA_DIR_UNUSABLE'), 'saving.pausing'],
    ['saving', (house) => house.failed('save', 'ACCOUNT_OF_ANOTHER'), 'refusing'],
    ['saving', (house) => house.send('CANCEL'), 'saving.writing'],
    ['saving', (house) => house.send('SHUTDOWN'), 'saving.writing'],
  ];
  test.each(ways)('%s, %o: %s', async (from, how, to) => {
    const house = await reach(from);
    expect(house.state.startsWith(from)).toBe(true);
    await how(house);
    expect(house.state).toBe(to);
  });

  test.each(Object.keys(at).filter((state) => state !== 'saving'))('%s can be cancelled, and stopped', async (state) => {
    const house = await (await reach(state)).send('CANCEL');
    expect([house.state, house.asked.at(-1)]).toEqual(['cancelling', 'cancelLogin']);
    await house.done('cancelLogin');
    expect([house.state, house.letGo, house.told.at(-1)]).toEqual(['cancelled', 1, 'cancelled']);
    const stopped = await (await reach(state)).send('SHUTDOWN');
    expect(stopped.asked.at(-1)).toBe('closeLink');
    await stopped.done('closeLink');
    expect(stopped.state).toBe('stopped');
  });
});

describe('a step that fails in a way that passes', () => {
  test.each([
    ['sending-code', 'sendCode', 10],
    ['asking-password', 'askPassword', 10],
    ['checking-code', 'signIn', 10],
    ['showing-qr.asking', 'exportToken', 10],
  ] as const)('%s is tried again, later each time, and not for ever', async (state, step, times) => {
    const house = await reach(state);
    for (let failure = 0; failure < times; failure++) {
      await house.failed(step, 'TELEGRAM_TIMEOUT');
      expect(house.context.trouble).toMatchObject({ code: 'TELEGRAM_TIMEOUT' });
      await house.clock.advance(1_000 * (failure + 1));
    }
    expect(house.asked.filter((one) => one === step)).toHaveLength(times + 1);
    await house.failed(step, 'TELEGRAM_TIMEOUT');
    expect([house.state, house.letGo]).toEqual(['failed', 1]);
  });

  test('is told when it went well, and the count begins anew', async () => {
    const house = new House();
    await house.failed('sendCode', 'TELEGRAM_TIMEOUT');
    await house.clock.advance(1_000);
    await house.awaitingCode();
    expect(house.context).toMatchObject({ trouble: null, troubles: 0, lastError: null });
  });

  test.each([
    ['checking-code', 'signIn'],
    ['checking-password', 'checkPassword'],
    ['showing-qr.asking', 'exportToken'],
  ] as const)('%s: what may have happened is asked for, once more is not enough', async (state, step) => {
    const house = await reach(state);
    expect(house.unsure.at(-1)).toBe(false);
    await house.failed(step, 'TELEGRAM_TIMEOUT');
    await house.clock.advance(1_000);
    expect(house.unsure.at(-1)).toBe(true);
    await house.failed(step, 'TELEGRAM_TIMEOUT');
    await house.clock.advance(2_000);
    expect(house.unsure.at(-1)).toBe(true);
    await house.done(step, 'accepted');
    expect(house.context.isUnsure).toBe(false);
  });
});

describe('a person', () => {
  test('has ten minutes for each step, and for the whole of a QR code', async () => {
    const house = await reach('awaiting-code');
    expect(house.context.expiresAt).toBe(house.clock.now() + 600_000);
    await house.clock.advance(599_000);
    await house.send('CODE');
    await house.failed('signIn', 'LOGIN_CODE_INVALID');
    expect(house.context.expiresAt).toBe(house.clock.now() + 600_000);
    await house.clock.advance(600_000);
    expect([house.state, house.context.lastError?.code, house.context.expiresAt]).toEqual(['failed', 'LOGIN_TIMED_OUT', null]);

    const qr = await shown();
    const endsAt = qr.context.expiresAt ?? 0;
    while (qr.state !== 'failed') {
      await qr.clock.advance(27_000);
      if (qr.state === 'showing-qr.asking') await qr.done('exportToken', qr.clock.now() + 30_000);
    }
    expect(qr.context.lastError?.code).toBe('LOGIN_TIMED_OUT');
    expect(qr.clock.now() - endsAt).toBeLessThan(27_000);
  });

  test.each([
    ['checking-code', 'signIn', 'LOGIN_CODE_INVALID', 'CODE'],
    ['checking-password', 'checkPassword', 'LOGIN_PASSWORD_INVALID', 'PASSWORD'],
  ] as const)('%s may be wrong four times', async (state, step, code, event) => {
    const house = await reach(state);
    for (const left of [4, 3, 2, 1]) {
      await house.failed(step, code);
      expect(house.context).toMatchObject({ triesLeft: left, lastError: { code } });
      await house.send(event);
    }
    await house.failed(step, code);
    expect([house.state, house.context.lastError?.code]).toEqual(['failed', code]);
  });

  test('hears why another code was sent, until one is right', async () => {
    const house = await reach('checking-code');
    await house.failed('signIn', 'LOGIN_CODE_EXPIRED');
    await house.awaitingCode();
    expect(house.context).toMatchObject({ lastError: { code: 'LOGIN_CODE_EXPIRED' }, codesSent: 2, triesLeft: 5 });
    await house.send('CODE');
    await house.done('signIn');
    expect(house.context.lastError).toBeNull();
  });

  test('is sent three codes at most without asking for them', async () => {
    const house = await reach('checking-code');
    for (const sent of [2, 3]) {
      await house.failed('signIn', 'LOGIN_CODE_EXPIRED');
      expect(house.context.codesSent).toBe(sent);
      await house.awaitingCode();
      await house.send('CODE');
    }
    await house.failed('signIn', 'LOGIN_CODE_EXPIRED');
    expect(house.state).toBe('failed');
  });

  test('cannot give anything while Telegram wants to wait, and can afterwards', async () => {
    const house = await reach('checking-code');
    await house.failed('signIn', 'TELEGRAM_FLOOD', 30_000);
    expect(house.context.waitUntil).toBe(house.clock.now() + 30_000);
    await house.send('CODE');
    expect(house.state).toBe('awaiting-code.flooded');
    await house.clock.advance(30_000);
    expect([house.state, house.context.waitUntil, house.context.lastError]).toEqual(['awaiting-code.ready', null, null]);
  });
});

describe('a session that is there', () => {
  test('is announced once it is saved, and never before', async () => {
    const house = await reach('saving');
    for (let pauseMs = 1_000; pauseMs < 30_000; pauseMs += 1_000) {
      await house.failed('save', 'STORE_UNAVAILABLE');
      expect([house.announced, house.context.lastError?.code]).toEqual([0, 'STORE_UNAVAILABLE']);
      await house.clock.advance(pauseMs);
    }
    await house.done('save');
    expect([house.announced, house.state, house.told.at(-1)]).toEqual([1, 'done', 'done']);
  });

  test('can be given up while it cannot be saved', async () => {
    const house = await reach('saving');
    await house.failed('save', 'DATA_DIR_UNUSABLE');
    await house.send('CANCEL');
    expect(house.state).toBe('cancelling');
    await house.clock.advance(5_000);
    expect([house.state, house.announced]).toEqual(['cancelled', 0]);
  });
});

test('a token that is accepted while the next one is asked for is asked for again, and what became of it', async () => {
  const house = new House('qr');
  await house.send('TOKEN_ACCEPTED');
  expect([house.asked.filter((step) => step === 'exportToken').length, house.unsure]).toEqual([2, [false, true]]);
});

test('nothing in the context is a secret', async () => {
  const house = await reach('saving');
  expect(Object.keys(house.context).sort()).toEqual(
    [
      'policy',
      'method',
      'codesSent',
      'triesLeft',
      'troubles',
      'pauseMs',
      'isUnsure',
      'code',
      'hint',
      'tokenExpiresAt',
      'waitUntil',
      'expiresAt',
      'lastError',
      'trouble',
    ].sort(),
  );
  expect(Object.keys(house.context.code ?? {}).sort()).toEqual(['length', 'nextVia', 'resendAt', 'via']);
});

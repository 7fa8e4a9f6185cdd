import { and, assign, fromPromise, setup } from 'xstate';
import { type ErrorCode, type ErrorRecord, errorRecord, toVigiliaError, VigiliaError } from '../errors.ts';
import type { LoginRequest, LoginState } from '../ports.ts';

/** How long a login waits for its person, in ms. */
export const PATIENCE_MS = 600_000;
/** How long cancelling may take with Telegram before it is over without its word, in ms. */
const CLOSE_DEADLINE_MS = 5_000;
/** Wrong codes, and wrong passwords, after which a login ends; near where Telegram would. */
const TRIES = 5;
/** Codes that one login has sent without being asked to: the first, and others for those that expired or were forgotten. */
const CODES = 3;
/** Failures in a row that may pass, after which a login ends. */
const TROUBLES = 10;
/** How long before its end a QR token is replaced, in ms. */
const REFRESH_AHEAD_MS = 3_000;
/** The shortest time between two QR tokens, in ms: clocks differ. */
const REFRESH_LEAST_MS = 1_000;

/** What Telegram knew of the login is gone, with its key or by itself. */
const LOST: ReadonlySet<ErrorCode> = new Set(['LOGIN_LOST', 'TELEGRAM_REAUTH', 'TELEGRAM_KEY_UNKNOWN']);

/** How a code went out. */
interface CodeNews {
  readonly via: string;
  readonly length: number | null;
  readonly nextVia: string | null;
  readonly resendAfterS: number | null;
}

/** What a login remembers. No secret is among it: code, password, phone, hash and token stay with the actor. Times are ms since epoch. */
export interface LoginContext {
  readonly policy: LoginPolicy;
  readonly method: LoginRequest['method'];
  readonly codesSent: number;
  readonly triesLeft: number | null;
  /** Failures in a row that may pass. */
  readonly troubles: number;
  /** How long the present pause lasts, in ms. */
  readonly pauseMs: number;
  /** An answer did not come: what was asked may have happened. */
  readonly isUnsure: boolean;
  readonly code: (Omit<CodeNews, 'resendAfterS'> & { readonly resendAt: number | null }) | null;
  readonly hint: string | null;
  readonly tokenExpiresAt: number | null;
  /** Telegram takes nothing before. */
  readonly waitUntil: number | null;
  readonly expiresAt: number | null;
  /** What went wrong last, for the person. */
  readonly lastError: ErrorRecord | null;
  /** What is being tried again. */
  readonly trouble: ErrorRecord | null;
}

/** What the pure chart is given from outside: time, and chance inside the delay. */
export interface LoginPolicy {
  readonly now: () => number;
  /** Delay before the next attempt, in ms, after this many failures in a row (from 0). */
  readonly backoffMs: (attempt: number) => number;
}

/** Says that a code or password was given; the secret itself is with the actor. */
export type LoginEvent =
  | { readonly type: 'CODE' }
  | { readonly type: 'PASSWORD' }
  | { readonly type: 'RESEND' }
  | { readonly type: 'CANCEL' }
  | { readonly type: 'TOKEN_ACCEPTED' }
  | { readonly type: 'LINK_DOWN' }
  | { readonly type: 'SHUTDOWN' };

function unbound(): never {
  throw new Error('login.machine is a chart: login.actor binds its actions and actors');
}

const errorOf = (event: unknown): VigiliaError => toVigiliaError((event as { error?: unknown }).error);
const outputOf = <T>(event: unknown): T => (event as { output: T }).output;
const isCode =
  (...codes: readonly ErrorCode[]) =>
  ({ event }: { event: unknown }): boolean =>
    codes.includes(errorOf(event).code);

const tell = (state: LoginState) => ({ type: 'tell', params: { state } }) as const;

/** What any step may meet, after what it knows itself. */
const otherwise = [
  { guard: 'passes', target: 'pausing', actions: 'noteTrouble' },
  { target: '#login.failed', actions: 'keepError' },
] as const;
const unsureOtherwise = [{ guard: 'passes', target: 'pausing', actions: ['noteTrouble', 'becomeUnsure'] }, otherwise[1]] as const;
/** A step is tried again after a pause. */
const pausing = (state: LoginState) => ({ entry: tell(state), after: { pause: 'asking' } }) as const;
/** Telegram named a time; what had not happened by then is asked for again. */
const flooded = (state: LoginState) =>
  ({ entry: tell(state), after: { floodWait: { target: 'asking', actions: 'clearWait' } } }) as const;

/**
 * One login of one account, from the phone number (or the QR code) to the stored session.
 * @see https://core.telegram.org/api/auth, https://core.telegram.org/api/qr-login, https://core.telegram.org/api/srp
 */
export const loginMachine = setup({
  types: {
    context: {} as LoginContext,
    events: {} as LoginEvent,
    input: {} as { readonly method: LoginRequest['method']; readonly policy: LoginPolicy },
  },
  actors: {
    sendCode: fromPromise<CodeNews | undefined>(unbound),
    resendCode: fromPromise<CodeNews | undefined>(unbound),
    signIn: fromPromise<void, { isUnsure: boolean }>(unbound),
    askPassword: fromPromise<string | null>(unbound),
    checkPassword: fromPromise<void, { isUnsure: boolean }>(unbound),
    exportToken: fromPromise<number | 'accepted', { isUnsure: boolean }>(unbound),
    save: fromPromise<void>(unbound),
    cancelLogin: fromPromise<void>(unbound),
    closeLink: fromPromise<void>(unbound),
  },
  guards: {
    byQr: ({ context }) => context.method === 'qr',
    letIn: ({ event }) => outputOf<CodeNews | undefined>(event) === undefined,
    accepted: ({ event }) => outputOf(event) === 'accepted',
    maySendAgain: ({ context }) => context.codesSent < CODES,
    hasTriesLeft: ({ context }) => (context.triesLeft ?? 0) > 1,
    codeWrong: isCode('LOGIN_CODE_INVALID'),
    codeExpired: isCode('LOGIN_CODE_EXPIRED'),
    isAnothers: isCode('ACCOUNT_OF_ANOTHER'),
    noOtherWay: isCode('LOGIN_NO_OTHER_WAY'),
    passwordNeeded: isCode('LOGIN_PASSWORD_NEEDED'),
    passwordWrong: isCode('LOGIN_PASSWORD_INVALID'),
    isLost: ({ event }) => LOST.has(errorOf(event).code),
    isFlood: isCode('TELEGRAM_FLOOD'),
    // A person waits for minutes, not for a day.
    isFloodToBear: ({ event }) => errorOf(event).code === 'TELEGRAM_FLOOD' && (errorOf(event).retryAfterMs ?? 0) < PATIENCE_MS,
    passes: ({ context, event }) =>
      (errorOf(event).fault === 'transient' || LOST.has(errorOf(event).code)) && context.troubles < TROUBLES,
  },
  actions: {
    keepCode: assign(({ context, event }) => {
      const { resendAfterS, via, length, nextVia } = outputOf<CodeNews>(event);
      const resendAt = resendAfterS === null ? null : context.policy.now() + resendAfterS * 1000;
      return { code: { via, length, nextVia, resendAt }, triesLeft: TRIES };
    }),
    countCode: assign({ codesSent: ({ context }) => context.codesSent + 1 }),
    keepHint: assign(({ event }) => ({ hint: outputOf<string | null>(event), triesLeft: TRIES })),
    keepToken: assign(({ event }) => ({ tokenExpiresAt: outputOf<number>(event) })),
    countTry: assign({ triesLeft: ({ context }) => (context.triesLeft ?? 1) - 1 }),
    noTries: assign({ triesLeft: null }),
    keepError: assign(({ context, event }) => {
      const error = errorOf(event);
      const waitUntil = error.code === 'TELEGRAM_FLOOD' ? context.policy.now() + (error.retryAfterMs ?? 0) : context.waitUntil;
      return { lastError: errorRecord(error), waitUntil };
    }),
    keepTimeout: assign({
      lastError: errorRecord(
        new VigiliaError('LOGIN_TIMED_OUT', `nobody went on with the login for ${PATIENCE_MS / 60_000} minutes`),
      ),
    }),
    clearError: assign({ lastError: null }),
    clearWait: assign({ waitUntil: null, lastError: null }),
    noteTrouble: assign(({ context, event }) => ({
      trouble: 'error' in event ? errorRecord(errorOf(event)) : context.trouble,
      troubles: context.troubles + 1,
      pauseMs: context.policy.backoffMs(context.troubles),
    })),
    becomeUnsure: assign({ isUnsure: true }),
    settle: assign({ trouble: null, troubles: 0, isUnsure: false }),
    startPatience: assign({ expiresAt: ({ context }) => context.policy.now() + PATIENCE_MS }),
    endPatience: assign({ expiresAt: null }),
    tell: (_, _params: { readonly state: LoginState }) => unbound(),
    announce: unbound,
    letGo: unbound,
  },
  delays: {
    patience: PATIENCE_MS,
    closeDeadline: CLOSE_DEADLINE_MS,
    pause: ({ context }) => context.pauseMs,
    floodWait: ({ context }) => Math.max(0, (context.waitUntil ?? 0) - context.policy.now()),
    tokenRefresh: ({ context }) =>
      Math.max(REFRESH_LEAST_MS, (context.tokenExpiresAt ?? 0) - context.policy.now() - REFRESH_AHEAD_MS),
  },
}).createMachine({
  id: 'login',
  context: ({ input }) => ({
    ...input,
    codesSent: 0,
    triesLeft: null,
    troubles: 0,
    pauseMs: 0,
    isUnsure: false,
    code: null,
    hint: null,
    tokenExpiresAt: null,
    waitUntil: null,
    expiresAt: null,
    lastError: null,
    trouble: null,
  }),
  initial: 'idle',
  on: {
    CANCEL: '.cancelling',
    SHUTDOWN: '.stopping',
    // Where nothing is under way, the next step opens another link.
    LINK_DOWN: {},
    TOKEN_ACCEPTED: {},
  },
  states: {
    idle: { always: [{ guard: 'byQr', target: 'showing-qr' }, 'sending-code'] },
    'starting-over': {
      always: [{ guard: 'byQr', target: 'showing-qr' }, { guard: 'maySendAgain', target: 'sending-code' }, 'failed'],
    },
    'sending-code': {
      entry: ['countCode', 'noTries'],
      initial: 'asking',
      states: {
        asking: {
          entry: tell('sending-code'),
          invoke: {
            src: 'sendCode',
            onDone: [
              { guard: 'letIn', target: '#login.saving' },
              { target: '#login.awaiting-code', actions: ['keepCode', 'settle'] },
            ],
            onError: [{ guard: 'isFloodToBear', target: 'flooded', actions: 'keepError' }, ...otherwise],
          },
        },
        pausing: pausing('sending-code'),
        flooded: flooded('sending-code'),
      },
    },
    'awaiting-code': {
      entry: 'startPatience',
      exit: 'endPatience',
      after: { patience: { target: 'failed', actions: 'keepTimeout' } },
      initial: 'ready',
      states: {
        ready: { entry: tell('awaiting-code'), on: { CODE: '#login.checking-code', RESEND: '#login.resending-code' } },
        flooded: { entry: tell('awaiting-code'), after: { floodWait: { target: 'ready', actions: 'clearWait' } } },
      },
    },
    'resending-code': {
      initial: 'asking',
      states: {
        asking: {
          entry: tell('sending-code'),
          invoke: {
            src: 'resendCode',
            onDone: [
              { guard: 'letIn', target: '#login.saving' },
              { target: '#login.awaiting-code', actions: ['keepCode', 'settle', 'clearError'] },
            ],
            onError: [
              { guard: 'codeExpired', target: '#login.starting-over', actions: 'keepError' },
              { guard: 'noOtherWay', target: '#login.awaiting-code', actions: ['keepError', 'settle'] },
              { guard: 'isFlood', target: '#login.awaiting-code.flooded', actions: ['keepError', 'settle'] },
              ...otherwise,
            ],
          },
        },
        pausing: pausing('sending-code'),
      },
    },
    'checking-code': {
      initial: 'asking',
      states: {
        asking: {
          entry: tell('checking-code'),
          invoke: {
            src: 'signIn',
            input: ({ context }) => ({ isUnsure: context.isUnsure }),
            onDone: { target: '#login.saving', actions: ['settle', 'clearError'] },
            onError: [
              { guard: 'passwordNeeded', target: '#login.asking-password', actions: ['settle', 'clearError'] },
              {
                guard: and(['codeWrong', 'hasTriesLeft']),
                target: '#login.awaiting-code',
                actions: ['keepError', 'countTry', 'settle'],
              },
              { guard: 'codeExpired', target: '#login.starting-over', actions: ['keepError', 'settle'] },
              { guard: 'isFlood', target: '#login.awaiting-code.flooded', actions: ['keepError', 'settle'] },
              { guard: 'isLost', target: '#login.starting-over', actions: ['keepError', 'settle'] },
              ...unsureOtherwise,
            ],
          },
        },
        pausing: pausing('checking-code'),
      },
    },
    'asking-password': {
      entry: 'noTries',
      initial: 'asking',
      states: {
        asking: {
          entry: tell('checking-password'),
          invoke: {
            src: 'askPassword',
            onDone: { target: '#login.awaiting-password', actions: ['keepHint', 'settle'] },
            onError: [
              { guard: 'isLost', target: '#login.starting-over', actions: ['keepError', 'settle'] },
              { guard: 'isFloodToBear', target: 'flooded', actions: 'keepError' },
              ...otherwise,
            ],
          },
        },
        pausing: pausing('checking-password'),
        flooded: flooded('checking-password'),
      },
    },
    'awaiting-password': {
      entry: 'startPatience',
      exit: 'endPatience',
      after: { patience: { target: 'failed', actions: 'keepTimeout' } },
      initial: 'ready',
      states: {
        ready: { entry: tell('awaiting-password'), on: { PASSWORD: '#login.checking-password' } },
        flooded: { entry: tell('awaiting-password'), after: { floodWait: { target: 'ready', actions: 'clearWait' } } },
      },
    },
    'checking-password': {
      initial: 'asking',
      states: {
        asking: {
          entry: tell('checking-password'),
          invoke: {
            src: 'checkPassword',
            input: ({ context }) => ({ isUnsure: context.isUnsure }),
            onDone: { target: '#login.saving', actions: ['settle', 'clearError'] },
            onError: [
              {
                guard: and(['passwordWrong', 'hasTriesLeft']),
                target: '#login.awaiting-password',
                actions: ['keepError', 'countTry', 'settle'],
              },
              { guard: 'isFlood', target: '#login.awaiting-password.flooded', actions: ['keepError', 'settle'] },
              { guard: 'isLost', target: '#login.starting-over', actions: ['keepError', 'settle'] },
              ...unsureOtherwise,
            ],
          },
        },
        pausing: pausing('checking-password'),
      },
    },
    'showing-qr': {
      entry: ['startPatience', 'noTries'],
      exit: 'endPatience',
      after: { patience: { target: 'failed', actions: 'keepTimeout' } },
      initial: 'asking',
      states: {
        asking: {
          entry: tell('showing-qr'),
          invoke: {
            src: 'exportToken',
            input: ({ context }) => ({ isUnsure: context.isUnsure }),
            onDone: [
              { guard: 'accepted', target: '#login.saving', actions: ['settle', 'clearError'] },
              { target: 'shown', actions: ['keepToken', 'settle'] },
            ],
            onError: [
              { guard: 'passwordNeeded', target: '#login.asking-password', actions: ['settle', 'clearError'] },
              { guard: 'isFloodToBear', target: 'flooded', actions: 'keepError' },
              ...unsureOtherwise,
            ],
          },
          // Telegram tells it once: the answer under way may be of before.
          on: { TOKEN_ACCEPTED: { target: 'asking', reenter: true, actions: 'becomeUnsure' } },
        },
        shown: {
          entry: tell('showing-qr'),
          after: { tokenRefresh: 'asking' },
          on: { TOKEN_ACCEPTED: 'asking', LINK_DOWN: { target: 'pausing', actions: ['noteTrouble', 'becomeUnsure'] } },
        },
        pausing: pausing('showing-qr'),
        flooded: flooded('showing-qr'),
      },
    },
    // From here on the login exists, and only this process knows of it: nothing but a person's word gives it up.
    saving: {
      initial: 'writing',
      states: {
        writing: {
          entry: tell('saving'),
          invoke: {
            src: 'save',
            onDone: '#login.done',
            onError: [
              { guard: 'isAnothers', target: '#login.refusing', actions: 'keepError' },
              { target: 'pausing', actions: ['keepError', 'noteTrouble'] },
            ],
          },
          on: { CANCEL: {}, SHUTDOWN: {} },
        },
        pausing: { entry: tell('saving'), after: { pause: 'writing' } },
      },
    },
    // Nobody has a use for what was made at Telegram.
    refusing: {
      entry: tell('cancelling'),
      invoke: { src: 'cancelLogin', onDone: 'failed', onError: 'failed' },
      after: { closeDeadline: 'failed' },
      on: { CANCEL: {} },
    },
    cancelling: {
      entry: tell('cancelling'),
      invoke: { src: 'cancelLogin', onDone: 'cancelled', onError: 'cancelled' },
      after: { closeDeadline: 'cancelled' },
      on: { CANCEL: {} },
    },
    stopping: {
      invoke: { src: 'closeLink', onDone: 'stopped', onError: 'stopped' },
      after: { closeDeadline: 'stopped' },
      on: { CANCEL: {}, SHUTDOWN: {} },
    },
    done: { entry: [tell('done'), 'announce'], type: 'final' },
    failed: { entry: ['endPatience', tell('failed'), 'letGo'], type: 'final' },
    cancelled: { entry: [tell('cancelled'), 'letGo'], type: 'final' },
    stopped: { type: 'final' },
  },
});

import type { AccountChange } from './account-state.ts';
import type { LoginControlOps } from './control-login.ts';
import { DATA_CENTRES } from './data-centres.ts';
import { accountAt, boxCalled } from './desk-lookup.ts';
import type { MtprotoServer } from './mtproto-server.ts';
import { acceptLoginToken } from './qr-methods.ts';
import type { ServerLimits } from './server-limits.ts';

type Handlers = {
  readonly [Op in keyof LoginControlOps]: (request: LoginControlOps[Op]['request']) => LoginControlOps[Op]['result'];
};

function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function setLimits(limits: ServerLimits, wanted: Partial<ServerLimits>): ServerLimits {
  for (const [name, value] of Object.entries(wanted)) {
    if (!(name in limits)) throw new Error(`there is no limit ${name}`);
    if (typeof value !== 'number' || !(value >= 0)) throw new Error(`the limit ${name} is a number from 0`);
    limits[name as keyof ServerLimits] = value;
  }
  return { ...limits };
}

/** What the simulator does when it is told something about accounts and their logins. */
export function loginDesk(server: MtprotoServer): Handlers {
  const { state, tokens } = server;
  return {
    account: ({ phone, code, password, hint, dc, number }) => {
      if (dc !== undefined && !DATA_CENTRES.includes(dc)) throw new Error(`there is no data centre ${dc}`);
      const change: AccountChange = defined({ code, password, hint, number, dcId: dc }) as AccountChange;
      state.changeAccount(accountAt(state, phone), change);
      return {};
    },
    expire: ({ what }) => {
      if (what === 'tokens') return { expired: tokens.expire(server.now()) };
      return { expired: what === 'codes' ? server.codes.expire() : server.passwords.expire() };
    },
    token: () => ({ token: tokens.latest ?? null }),
    acceptToken: ({ phone, token = tokens.latest ?? '' }) => {
      acceptLoginToken(server, Buffer.from(token, 'base64url'), accountAt(state, phone));
      return {};
    },
    join: ({ phone, channel, on }) => {
      state.move(accountAt(state, phone), boxCalled(state, channel).world, on);
      return {};
    },
    forbid: ({ channel, phone, message }) => {
      const { refusals } = boxCalled(state, channel);
      const whose = phone === undefined ? '*' : accountAt(state, phone).phone;
      if (message === null) refusals.delete(whose);
      else refusals.set(whose, message);
      return {};
    },
    limits: (wanted) => {
      const { op: _op, ...limits } = wanted as Partial<ServerLimits> & { op?: string };
      return setLimits(server.limits, limits);
    },
    duplicates: ({ rule }) => {
      server.uses.rule = rule;
      return {};
    },
  };
}

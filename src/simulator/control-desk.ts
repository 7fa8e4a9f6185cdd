import type { AccountState } from './account-state.ts';
import { failureName, scriptableMethod } from './api.ts';
import type { ChannelBox } from './channel-box.ts';
import type { ControlOp, ControlOps, ControlRequest, DumpedMessage, ListedAccount, ListedChannel } from './control.ts';
import { accountAt, boxCalled, present } from './desk-lookup.ts';
import { loginDesk } from './login-desk.ts';
import type { MtprotoServer } from './mtproto-server.ts';
import { updateDesk } from './update-desk.ts';
import type { WorldAccount, WorldMessage } from './world.ts';

const MAX_DUMP = 100_000;

type Handlers = { readonly [Op in ControlOp]: (request: ControlOps[Op]['request']) => ControlOps[Op]['result'] };

/** @returns a message as it is dumped */
function dumped(message: WorldMessage): DumpedMessage {
  return {
    id: message.id,
    date: message.date,
    editDate: message.editDate,
    kind: message.action === null ? 'message' : 'service',
    text: message.text,
    entities: message.entities,
    replyToId: message.replyTo?.id ?? null,
    media: message.media?._ ?? null,
    views: message.views,
    pinned: message.pinned === true,
  };
}

/** @returns a channel as it is listed */
export function listedChannel(box: ChannelBox): ListedChannel {
  const { username, id, title, kind } = box.world;
  return { username, id, title, kind, messages: box.size, pts: box.pts };
}

/** @returns an account as it is listed */
export function listedAccount({ phone, code, userId, password, dcId }: WorldAccount): ListedAccount {
  return { phone, code, userId, password, dcId };
}

/** Does what the simulator is told through its control channel. */
export class ControlDesk {
  readonly #server: MtprotoServer;
  readonly #handlers: Handlers;

  constructor(server: MtprotoServer) {
    this.#server = server;
    const { happenings } = server;
    this.#handlers = {
      ...loginDesk(server),
      ...updateDesk(server),
      post: ({ channel, ...draft }) => {
        const { message, pts } = happenings.post(this.#box(channel), draft);
        return { id: message.id, pts, date: message.date };
      },
      edit: ({ channel, messageId, text, entities }) => {
        const edited = happenings.edit(this.#box(channel), messageId, text, entities);
        const { pts, message } = present(edited, channel, messageId);
        return { pts, editDate: message.editDate ?? 0 };
      },
      delete: ({ channel, ids }) => happenings.remove(this.#box(channel), ids),
      drop: ({ phone }) => ({ connections: server.drop(this.#account(phone)) }),
      freeze: ({ phone }) => {
        server.freeze(this.#account(phone));
        return {};
      },
      thaw: ({ phone }) => {
        server.thaw(this.#account(phone));
        return {};
      },
      fail: ({ method, code, message, times = Number.POSITIVE_INFINITY, phone }) => {
        const name = failureName(scriptableMethod(method), phone);
        if (times <= 0) server.api.failures.delete(name);
        else server.api.failures.set(name, { code, message, times });
        return {};
      },
      delay: ({ method, delayMs }) => {
        const name = scriptableMethod(method);
        if (delayMs <= 0) server.api.delays.delete(name);
        else server.api.delays.set(name, delayMs);
        return {};
      },
      handshake: ({ answers }) => {
        server.forcedAnswers.push(...answers);
        return {};
      },
      transportErrors: ({ errors }) => {
        server.forcedTransportErrors.push(...errors);
        return {};
      },
      push: ({ channel, on }) => {
        this.#box(channel).pushes = on;
        return {};
      },
      revoke: ({ phone, forgetKeys, error }) => this.#revoke(phone, forgetKeys === true, error),
      dump: ({ channel, after = 0, limit = MAX_DUMP }) => this.#dump(this.#box(channel), after, Math.min(limit, MAX_DUMP)),
      channels: () => [...server.state.boxes].map(listedChannel),
      stats: () => this.#stats(),
    };
  }

  /** Does one thing. @throws Error in words for people when it cannot be done */
  handle(request: ControlRequest): unknown {
    const handler = (Object.hasOwn(this.#handlers, request.op) ? this.#handlers[request.op] : undefined) as
      | ((request: ControlRequest) => unknown)
      | undefined;
    if (handler === undefined) {
      const known = Object.keys(this.#handlers).sort().join(', ');
      throw new Error(`there is no control operation ${String(request.op)}; there are ${known}`);
    }
    return handler(request);
  }

  #box(username: string): ChannelBox {
    return boxCalled(this.#server.state, username);
  }

  #account(phone: string | undefined): AccountState | undefined {
    return phone === undefined ? undefined : accountAt(this.#server.state, phone);
  }

  #stats(): ControlOps['stats']['result'] {
    const server = this.#server;
    const keys = [...server.uses.counts()].map(([{ key, account, dcId }, { live, most }]) => ({
      key: String(key.id),
      phone: account?.phone ?? null,
      dcId,
      sockets: live,
      maxSockets: most,
    }));
    return {
      connections: server.connections,
      accepted: server.accepted,
      sessions: server.liveSessions,
      pushed: server.pusher.pushed,
      calls: Object.fromEntries(server.api.counts),
      maxSocketsPerKey: Math.max(0, ...keys.map(({ maxSockets }) => maxSockets)),
      keys,
    };
  }

  #dump(box: ChannelBox, after: number, limit: number): DumpedMessage[] {
    const first = box.countBelow(after + 1);
    const last = Math.min(box.size, first + limit);
    return Array.from({ length: Math.max(0, last - first) }, (_, index) => dumped(box.at(first + index)));
  }

  #revoke(phone: string, forgetKeys: boolean, error: string | undefined): { keys: number } {
    const account = accountAt(this.#server.state, phone);
    const keys = [...this.#server.state.keys].filter((key) => key.account === account);
    for (const key of keys) {
      if (forgetKeys) this.#server.forget(key);
      else if (error !== undefined) this.#server.state.refuse(key, 401, error);
      else this.#server.state.logout(key);
    }
    return { keys: keys.length };
  }
}

import type { ChannelBox } from './channel-box.ts';
import type { ControlOp, ControlOps, ControlRequest, DumpedMessage, ListedChannel } from './control.ts';
import type { Happenings } from './happenings.ts';
import type { MtprotoServer } from './mtproto-server.ts';
import type { WorldMessage } from './world.ts';

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
  };
}

/** @returns a channel as it is listed */
export function listedChannel(box: ChannelBox): ListedChannel {
  const { username, id, title, kind } = box.world;
  return { username, id, title, kind, messages: box.size, pts: box.pts };
}

/** Does what the simulator is told through its control channel. */
export class ControlDesk {
  readonly #server: MtprotoServer;
  readonly #happenings: Happenings;
  readonly #handlers: Handlers;

  constructor(server: MtprotoServer, happenings: Happenings) {
    this.#server = server;
    this.#happenings = happenings;
    this.#handlers = {
      post: ({ channel, ...draft }) => {
        const { message, pts } = this.#happenings.post(this.#box(channel), draft);
        return { id: message.id, pts, date: message.date };
      },
      edit: ({ channel, messageId, text, entities }) => {
        const edited = this.#happenings.edit(this.#box(channel), messageId, text, entities);
        if (edited === undefined) throw new Error(`${channel} has no message ${messageId}`);
        return { pts: edited.pts, editDate: edited.message.editDate ?? 0 };
      },
      delete: ({ channel, ids }) => this.#happenings.remove(this.#box(channel), ids),
      drop: () => ({ connections: server.drop() }),
      freeze: () => {
        server.freeze();
        return {};
      },
      thaw: () => {
        server.thaw();
        return {};
      },
      fail: ({ method, code, message, times = Number.POSITIVE_INFINITY }) => {
        if (times <= 0) server.api.failures.delete(method);
        else server.api.failures.set(method, { code, message, times });
        return {};
      },
      delay: ({ method, delayMs }) => {
        if (delayMs <= 0) server.api.delays.delete(method);
        else server.api.delays.set(method, delayMs);
        return {};
      },
      handshake: ({ answers }) => {
        server.forcedAnswers.push(...answers);
        return {};
      },
      push: ({ channel, on }) => {
        this.#box(channel).pushes = on;
        return {};
      },
      revoke: ({ phone, forgetKeys }) => this.#revoke(phone, forgetKeys === true),
      dump: ({ channel, after = 0, limit = MAX_DUMP }) => this.#dump(this.#box(channel), after, Math.min(limit, MAX_DUMP)),
      channels: () => [...server.state.boxes].map(listedChannel),
      stats: () => ({
        connections: server.connections,
        accepted: server.accepted,
        sessions: server.liveSessions,
        pushed: server.pushed,
        calls: Object.fromEntries(server.api.counts),
      }),
    };
  }

  /** Does one thing. @throws Error in words for people when it cannot be done */
  handle(request: ControlRequest): unknown {
    const handler = this.#handlers[request.op] as ((request: ControlRequest) => unknown) | undefined;
    if (handler === undefined) throw new Error(`there is no control operation ${String(request.op)}`);
    return handler(request);
  }

  #box(username: string): ChannelBox {
    const wanted = String(username).replace(/^@/, '').toLowerCase();
    for (const box of this.#server.state.boxes) if (box.world.username.toLowerCase() === wanted) return box;
    throw new Error(`there is no channel ${username}`);
  }

  #dump(box: ChannelBox, after: number, limit: number): DumpedMessage[] {
    const first = box.countBelow(after + 1);
    const last = Math.min(box.size, first + limit);
    return Array.from({ length: Math.max(0, last - first) }, (_, index) => dumped(box.at(first + index)));
  }

  #revoke(phone: string, forgetKeys: boolean): { keys: number } {
    const keys = [...this.#server.state.keys].filter((key) => key.account?.phone === phone);
    for (const key of keys) {
      if (forgetKeys) this.#server.forget(key);
      else this.#server.state.logout(key);
    }
    return { keys: keys.length };
  }
}

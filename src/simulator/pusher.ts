import type { Clock } from '../clock.ts';
import type { AccountEvent } from './account-box.ts';
import type { AccountState } from './account-state.ts';
import { type MessageForm, type People, pushedAccountUpdates } from './account-updates.ts';
import type { ChannelBox, ChannelEvent } from './channel-box.ts';
import { pushedUpdates } from './channel-updates.ts';
import type { ClientSession } from './client-session.ts';
import type { KeyState } from './key-state.ts';
import { PeerView } from './peer-view.ts';
import { PushFaults } from './push-faults.ts';
import type { SessionRegistry } from './session-registry.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';

/** Tells connected clients what happened. An account hears at the data centre it lives in, on all its sessions. */
export class Pusher {
  /** How many updates were pushed, each session counted. */
  pushed = 0;
  readonly faults: PushFaults<ClientSession>;
  readonly #sessions: SessionRegistry;
  readonly #people: People;
  readonly #secret: Buffer;
  readonly #clock: Clock;

  constructor(sessions: SessionRegistry, people: People, secret: Buffer, clock: Clock) {
    this.#sessions = sessions;
    this.#people = people;
    this.#secret = secret;
    this.#clock = clock;
    this.faults = new PushFaults(clock, (session, body) => this.#send(session, body));
  }

  /** Tells everybody in a channel what happened there. @param except the session that hears of it in the answer to its call */
  channel(box: ChannelBox, event: ChannelEvent, except?: ClientSession): void {
    if (!box.pushes) return;
    this.#inChannel(box, (view) => pushedUpdates(view, box, event, this.#now()), except);
  }

  /** Tells everybody in a channel that too much happened there to tell. */
  channelTooLong(box: ChannelBox, withPts: boolean): void {
    const update = { _: 'updateChannelTooLong', channelId: box.world.id, ...(withPts ? { pts: box.pts } : {}) };
    this.#inChannel(box, (view) => ({
      _: 'updates',
      updates: [update],
      ...view.peersOf(box, []),
      date: this.#now(),
      seq: 0,
    }));
  }

  /** Tells an account what happened to it. @param except the session that hears of it in the answer to its call */
  account(account: AccountState, event: AccountEvent, form: MessageForm = 'full', except?: ClientSession): void {
    const view = new PeerView(this.#secret, account.world);
    this.tell(account, pushedAccountUpdates(view, this.#people, account.box, event, this.#now(), form), except);
  }

  /** Pushes an `Updates` to an account. */
  tell(account: AccountState, updates: TlObject, except?: ClientSession): void {
    let body: Buffer | undefined;
    for (const session of this.#listeners()) {
      if (session.key.account !== account || session === except) continue;
      body ??= tl.encode(updates);
      this.faults.push(session, body);
    }
  }

  /** Pushes an `Updates` to the sessions of a key on which nobody needs to be logged in; no fault befalls it. */
  tellKey(key: KeyState, updates: TlObject): void {
    const body = tl.encode(updates);
    for (const session of this.#sessions.live()) if (session.key === key) this.#send(session, body);
  }

  #inChannel(box: ChannelBox, updates: (view: PeerView) => TlObject, except?: ClientSession): void {
    const encoded = new Map<AccountState, Buffer>();
    for (const session of this.#listeners()) {
      const account = session.key.account as AccountState;
      if (session === except || !account.isIn(box.world)) continue;
      const body = encoded.get(account) ?? tl.encode(updates(new PeerView(this.#secret, account.world)));
      encoded.set(account, body);
      this.faults.push(session, body);
    }
  }

  *#listeners(): Iterable<ClientSession> {
    for (const session of this.#sessions.live()) {
      const { account, dcId } = session.key;
      if (account !== undefined && session.wantsUpdates && account.dcId === dcId) yield session;
    }
  }

  #send(session: ClientSession, body: Buffer): void {
    const { carrier } = session;
    if (carrier?.isOpen !== true) return;
    carrier.queue(session, { body, isContent: true, isReply: false });
    carrier.flush();
    this.pushed++;
  }

  #now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

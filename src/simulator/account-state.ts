import { AccountBox, type AccountMessage } from './account-box.ts';
import type { NumberState, WorldAccount, WorldChannel } from './world.ts';

/** What can be changed of an account after the world was made. */
export type AccountChange = Partial<Pick<WorldAccount, 'code' | 'password' | 'hint' | 'dcId' | 'number'>>;

/** An account as it is now. */
export class AccountState {
  readonly world: WorldAccount;
  readonly box: AccountBox;
  #changed: AccountChange = {};
  /** Channels it joined or left since, by bare id. */
  readonly #moved = new Map<number, boolean>();

  /** @param messages what it had before anything happened */
  constructor(world: WorldAccount, messages: readonly AccountMessage[]) {
    this.world = world;
    this.box = new AccountBox(messages);
  }

  get phone(): string {
    return this.world.phone;
  }

  get userId(): number {
    return this.world.userId;
  }

  get code(): string {
    return this.#changed.code ?? this.world.code;
  }

  get password(): string | null {
    return this.#changed.password === undefined ? this.world.password : this.#changed.password;
  }

  get hint(): string | null {
    return this.#changed.hint === undefined ? this.world.hint : this.#changed.hint;
  }

  /** The data centre it lives in. */
  get dcId(): number {
    return this.#changed.dcId ?? this.world.dcId;
  }

  get number(): NumberState {
    return this.#changed.number ?? this.world.number;
  }

  /** Whether it is in a channel, and so hears what happens there. */
  isIn(channel: WorldChannel): boolean {
    return this.#moved.get(channel.id) ?? this.world.channels?.has(channel.username.toLowerCase()) ?? true;
  }

  change(change: AccountChange): void {
    this.#changed = { ...this.#changed, ...change };
  }

  move(channelId: number, joined: boolean): void {
    this.#moved.set(channelId, joined);
  }
}

import type { ChannelBox } from './channel-box.ts';
import { keyedLong } from './digest.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldAccount, WorldChat, WorldMessage, WorldPeer } from './world.ts';

/** Shows users and channels to an account, with the access hashes that are this account's own (https://core.telegram.org/api/peers). */
export class PeerView {
  readonly #secret: Buffer;
  readonly viewer: WorldAccount;

  constructor(secret: Buffer, viewer: WorldAccount) {
    this.#secret = secret;
    this.viewer = viewer;
  }

  accessHash(peer: WorldPeer): bigint {
    return keyedLong(this.#secret, 'access', this.viewer.userId, peer.kind, peer.id);
  }

  self(): TlObject {
    const { userId, firstName, phone } = this.viewer;
    const accessHash = this.accessHash({ kind: 'user', id: userId });
    return { _: 'user', self: true, contact: true, mutualContact: true, id: userId, accessHash, firstName, phone };
  }

  user(id: number, name: string): TlObject {
    return {
      _: 'user',
      id,
      accessHash: this.accessHash({ kind: 'user', id }),
      firstName: name === '' ? 'Deleted Account' : name,
    };
  }

  /** Somebody else who can log in, or the viewer himself. */
  account(account: WorldAccount): TlObject {
    return account.userId === this.viewer.userId ? this.self() : this.user(account.userId, account.firstName);
  }

  /** A basic group. */
  group({ groupId, title, members, createdAt }: WorldChat): TlObject {
    return {
      _: 'chat',
      ...(members[0] === this.viewer.userId ? { creator: true } : {}),
      id: groupId,
      title,
      photo: { _: 'chatPhotoEmpty' },
      participantsCount: members.length,
      date: createdAt,
      version: 1,
    };
  }

  /** @param isIn whether the viewer is in it */
  channel(box: ChannelBox, isIn = true): TlObject {
    const { id, title, username, createdAt, kind } = box.world;
    return {
      _: 'channel',
      id,
      title,
      username,
      accessHash: this.accessHash({ kind: 'channel', id }),
      photo: { _: 'chatPhotoEmpty' },
      date: createdAt,
      ...(isIn ? {} : { left: true }),
      ...(kind === 'channel' ? { broadcast: true } : { megagroup: true }),
    };
  }

  /** Everybody a list of messages names: what comes as `chats` and `users` beside it. */
  peersOf(
    box: ChannelBox,
    messages: readonly WorldMessage[],
    isIn = true,
  ): { readonly chats: readonly TlObject[]; readonly users: readonly TlObject[] } {
    const chats = new Map<number, TlObject>([[box.world.id, this.channel(box, isIn)]]);
    const users = new Map<number, TlObject>();
    for (const { from } of messages) {
      if (from?.kind === 'user' && !users.has(from.id)) {
        const own = from.id === this.viewer.userId;
        users.set(from.id, own ? this.self() : this.user(from.id, box.world.nameOf(from.id) ?? ''));
      }
      if (from?.kind === 'channel' && !chats.has(from.id)) chats.set(from.id, this.#strangeChannel(from));
    }
    return { chats: [...chats.values()], users: [...users.values()] };
  }

  /** A channel that only wrote in a group: Telegram shows no more of it than this. */
  #strangeChannel(peer: WorldPeer): TlObject {
    const accessHash = this.accessHash(peer);
    return {
      _: 'channel',
      min: true,
      broadcast: true,
      id: peer.id,
      accessHash,
      title: '',
      photo: { _: 'chatPhotoEmpty' },
      date: 0,
    };
  }
}

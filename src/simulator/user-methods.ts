import type { ApiCall, ApiMethods } from './api-call.ts';
import { RpcError } from './rpc-error.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';

/** One of the users an account can name: itself, or one it has the hash of. */
function userOf(call: ApiCall, input: TlObject): TlObject | undefined {
  const { view } = call;
  const account = call.user(input);
  if (account !== undefined) return view.account(account.world);
  if (input._ !== 'inputUser') return undefined;
  const id = Number(input.userId);
  if (input.accessHash !== view.accessHash({ kind: 'user', id })) return undefined;
  for (const box of call.host.state.boxes) {
    const name = box.world.nameOf(id);
    if (name !== undefined) return view.user(id, name);
  }
  return undefined;
}

/** Users. */
export const userMethods: ApiMethods = {
  'users.getUsers': {
    anywhere: true,
    run: (call) => {
      const users = call.objects('id').map((input) => userOf(call, input));
      return tl.encodeVector(
        'User',
        users.filter((user) => user !== undefined),
      );
    },
  },
  'users.getFullUser': {
    run: (call) => {
      const user = userOf(call, call.object('id'));
      if (user === undefined) throw new RpcError(400, 'USER_ID_INVALID');
      const fullUser: TlObject = {
        _: 'userFull',
        id: user.id,
        settings: { _: 'peerSettings' },
        notifySettings: { _: 'peerNotifySettings' },
        commonChatsCount: 0,
      };
      return { _: 'users.userFull', fullUser, chats: [], users: [user] };
    },
  },
};

import type { ApiCall, ApiMethods } from './api-call.ts';
import { RpcError } from './rpc-error.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldAccount } from './world.ts';

/** The data centre the simulator says it is. */
const DC_ID = 2;

function accountOf(call: ApiCall): WorldAccount {
  const account = call.host.state.account(call.text('phoneNumber').replace(/\D/g, ''));
  if (account === undefined) throw new RpcError(400, 'PHONE_NUMBER_INVALID');
  return account;
}

/** One of the users an account can name: itself, or one it has the hash of. */
function userOf(call: ApiCall, input: TlObject): TlObject | undefined {
  const { view } = call;
  if (input._ === 'inputUserSelf') return view.self();
  if (input._ !== 'inputUser') return undefined;
  const id = Number(input.userId);
  if (input.accessHash !== view.accessHash({ kind: 'user', id })) return undefined;
  if (id === view.viewer.userId) return view.self();
  for (const box of call.host.state.boxes) {
    const name = box.world.nameOf(id);
    if (name !== undefined) return view.user(id, name);
  }
  return undefined;
}

function config(call: ApiCall): TlObject {
  const { host, port } = call.host.address;
  const now = call.host.now();
  return {
    _: 'config',
    date: now,
    expires: now + 3600,
    testMode: false,
    thisDc: DC_ID,
    dcOptions: [{ _: 'dcOption', id: DC_ID, ipAddress: host, port, static: true }],
    dcTxtDomainName: '',
    chatSizeMax: 200,
    megagroupSizeMax: 200_000,
    forwardedCountMax: 100,
    onlineUpdatePeriodMs: 210_000,
    offlineBlurTimeoutMs: 5_000,
    offlineIdleTimeoutMs: 30_000,
    onlineCloudTimeoutMs: 300_000,
    notifyCloudDelayMs: 30_000,
    notifyDefaultDelayMs: 1_500,
    pushChatPeriodMs: 60_000,
    pushChatLimit: 2,
    editTimeLimit: 172_800,
    revokeTimeLimit: 2_147_483_647,
    revokePmTimeLimit: 2_147_483_647,
    ratingEDecay: 2_419_200,
    stickersRecentLimit: 200,
    channelsReadMediaPeriod: 604_800,
    callReceiveTimeoutMs: 20_000,
    callRingTimeoutMs: 90_000,
    callConnectTimeoutMs: 30_000,
    callPacketTimeoutMs: 10_000,
    meUrlPrefix: 'https://t.me/',
    captionLengthMax: 1024,
    messageLengthMax: 4096,
    webfileDcId: DC_ID,
  };
}

/** Configuration, login and users. */
export const accountMethods: ApiMethods = {
  'help.getConfig': { anonymous: true, run: config },
  'help.getNearestDc': {
    anonymous: true,
    run: () => ({ _: 'nearestDc', country: 'PT', thisDc: DC_ID, nearestDc: DC_ID }),
  },
  'auth.sendCode': {
    anonymous: true,
    run: (call) => {
      if (call.int('apiId') <= 0 || call.text('apiHash') === '') throw new RpcError(400, 'API_ID_INVALID');
      const account = accountOf(call);
      return {
        _: 'auth.sentCode',
        type: { _: 'auth.sentCodeTypeApp', length: account.code.length },
        phoneCodeHash: call.host.codes.send(account, call.host.now()),
        timeout: 120,
      };
    },
  },
  'auth.signIn': {
    anonymous: true,
    run: (call) => {
      const account = accountOf(call);
      call.host.codes.check(account, call.text('phoneCodeHash'), call.text('phoneCode'), call.host.now());
      call.host.state.login(call.session.key, account);
      return { _: 'auth.authorization', user: call.view.self() };
    },
  },
  'auth.logOut': {
    run: (call) => {
      call.host.state.logout(call.session.key);
      return { _: 'auth.loggedOut' };
    },
  },
  'users.getUsers': {
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

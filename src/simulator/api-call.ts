import type { Log } from '../log.ts';
import type { AccountState } from './account-state.ts';
import type { ChannelBox } from './channel-box.ts';
import type { ClientSession } from './client-session.ts';
import type { Correspondence } from './correspondence.ts';
import type { ExportedAuthorizations } from './exported-authorizations.ts';
import type { Happenings } from './happenings.ts';
import type { KeyUses } from './key-uses.ts';
import type { LoginCodes } from './login-codes.ts';
import type { LoginTokens } from './login-tokens.ts';
import type { PasswordChecks } from './password-checks.ts';
import { PeerView } from './peer-view.ts';
import type { Pusher } from './pusher.ts';
import { RpcError } from './rpc-error.ts';
import type { ServerLimits } from './server-limits.ts';
import type { ServerState } from './server-state.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldMessage } from './world.ts';

/** What the methods know of the server. */
export interface ApiHost {
  readonly log: Log;
  readonly state: ServerState;
  readonly limits: ServerLimits;
  readonly codes: LoginCodes;
  readonly tokens: LoginTokens;
  readonly passwords: PasswordChecks;
  readonly exports: ExportedAuthorizations;
  readonly uses: KeyUses;
  readonly pusher: Pusher;
  readonly happenings: Happenings;
  readonly correspondence: Correspondence;
  /** From which access hashes are derived. */
  readonly secret: Buffer;
  /** Where clients reach each data centre. */
  readonly dataCentres: readonly { readonly id: number; readonly host: string; readonly port: number }[];
  /** Seconds since the epoch. */
  now(): number;
}

/** One call of one client, already out of its wrappings. */
export class ApiCall {
  readonly host: ApiHost;
  readonly session: ClientSession;
  readonly request: TlObject;
  /** The id of the message it came in. */
  readonly messageId: bigint;

  constructor(host: ApiHost, session: ClientSession, request: TlObject, messageId: bigint) {
    this.host = host;
    this.session = session;
    this.request = request;
    this.messageId = messageId;
  }

  /** Who calls. @throws RpcError 401 AUTH_KEY_UNREGISTERED, or why else nobody is logged in on the key */
  get account(): AccountState {
    const { account, refusal, pending } = this.session.key;
    if (account !== undefined) return account;
    if (pending !== undefined) throw new RpcError(401, 'SESSION_PASSWORD_NEEDED');
    throw new RpcError(refusal?.code ?? 401, refusal?.message ?? 'AUTH_KEY_UNREGISTERED');
  }

  /** Who calls, or still owes his password. @throws RpcError as {@link account} */
  get knownAccount(): AccountState {
    return this.session.key.pending ?? this.account;
  }

  /** The data centre that is called. */
  get dcId(): number {
    return this.session.key.dcId;
  }

  get view(): PeerView {
    return new PeerView(this.host.secret, this.account.world);
  }

  int(name: string): number {
    return this.request[name] as number;
  }

  text(name: string): string {
    return (this.request[name] as string | undefined) ?? '';
  }

  bytes(name: string): Buffer {
    return this.request[name] as Buffer;
  }

  object(name: string): TlObject {
    return this.request[name] as TlObject;
  }

  objects(name: string): readonly TlObject[] {
    return this.request[name] as readonly TlObject[];
  }

  /** The channel an InputChannel or InputPeer names. @throws RpcError CHANNEL_INVALID, PEER_ID_INVALID, or what a test has put in its way */
  channel(input: TlObject): ChannelBox {
    if (input._ !== 'inputChannel' && input._ !== 'inputPeerChannel') {
      throw new RpcError(400, input._.startsWith('inputChannel') ? 'CHANNEL_INVALID' : 'PEER_ID_INVALID');
    }
    const id = Number(input.channelId);
    const box = this.host.state.box(id);
    if (box === undefined || this.view.accessHash({ kind: 'channel', id }) !== input.accessHash) {
      throw new RpcError(400, 'CHANNEL_INVALID');
    }
    const refusal = box.refusals.get(this.account.phone) ?? box.refusals.get('*');
    if (refusal !== undefined) throw new RpcError(400, refusal);
    return box;
  }

  /** The account an InputUser or InputPeer names; undefined when it is none, or its access hash is wrong. */
  user(input: TlObject): AccountState | undefined {
    if (input._ === 'inputUserSelf' || input._ === 'inputPeerSelf') return this.account;
    if (input._ !== 'inputUser' && input._ !== 'inputPeerUser') return undefined;
    const id = Number(input.userId);
    if (id !== this.account.userId && input.accessHash !== this.view.accessHash({ kind: 'user', id })) return undefined;
    return this.host.state.user(id);
  }

  /** A channel as the caller sees it. */
  channelObject(box: ChannelBox): TlObject {
    return this.view.channel(box, this.account.isIn(box.world));
  }

  /** What comes as `chats` and `users` beside messages of a channel. */
  peersOf(box: ChannelBox, messages: readonly WorldMessage[]): ReturnType<PeerView['peersOf']> {
    return this.view.peersOf(box, messages, this.account.isIn(box.world));
  }
}

/** What a method gives: an object, or bytes where it answers a bare vector. */
type ApiResult = TlObject | Buffer;

/** An API method: what it does, and who may call it where. */
interface ApiMethod {
  /** By somebody who is not logged in. */
  readonly anonymous?: true;
  /** At a data centre that is not the account's own. */
  readonly anywhere?: true;
  /** Before the client said what it is, and before a temporary key stands for a permanent one. */
  readonly early?: true;
  run(call: ApiCall): ApiResult;
}

/** Methods by their names in the schema. */
export type ApiMethods = Readonly<Record<string, ApiMethod>>;

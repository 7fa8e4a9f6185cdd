import type { ChannelBox } from './channel-box.ts';
import type { ClientSession } from './client-session.ts';
import type { LoginCodes } from './login-codes.ts';
import { PeerView } from './peer-view.ts';
import { RpcError } from './rpc-error.ts';
import type { ServerState } from './server-state.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldAccount } from './world.ts';

/** What the methods know of the server. */
export interface ApiHost {
  readonly state: ServerState;
  readonly codes: LoginCodes;
  /** From which access hashes are derived. */
  readonly secret: Buffer;
  /** Where clients reach the server. */
  readonly address: { readonly host: string; readonly port: number };
  /** Seconds since the epoch. */
  now(): number;
}

/** One call of one client, already out of its wrappings. */
export class ApiCall {
  readonly host: ApiHost;
  readonly session: ClientSession;
  readonly request: TlObject;

  constructor(host: ApiHost, session: ClientSession, request: TlObject) {
    this.host = host;
    this.session = session;
    this.request = request;
  }

  /** Who calls. @throws RpcError 401 AUTH_KEY_UNREGISTERED when nobody is logged in on the key */
  get account(): WorldAccount {
    const { account } = this.session.key;
    if (account === undefined) throw new RpcError(401, 'AUTH_KEY_UNREGISTERED');
    return account;
  }

  get view(): PeerView {
    return new PeerView(this.host.secret, this.account);
  }

  int(name: string): number {
    return this.request[name] as number;
  }

  text(name: string): string {
    return (this.request[name] as string | undefined) ?? '';
  }

  object(name: string): TlObject {
    return this.request[name] as TlObject;
  }

  objects(name: string): readonly TlObject[] {
    return this.request[name] as readonly TlObject[];
  }

  /** The channel an InputChannel or InputPeer names. @throws RpcError CHANNEL_INVALID, PEER_ID_INVALID */
  channel(input: TlObject): ChannelBox {
    if (input._ !== 'inputChannel' && input._ !== 'inputPeerChannel') {
      throw new RpcError(400, input._.startsWith('inputChannel') ? 'CHANNEL_INVALID' : 'PEER_ID_INVALID');
    }
    const id = Number(input.channelId);
    const box = this.host.state.box(id);
    if (box === undefined || this.view.accessHash({ kind: 'channel', id }) !== input.accessHash) {
      throw new RpcError(400, 'CHANNEL_INVALID');
    }
    return box;
  }
}

/** What a method gives: an object, or bytes where it answers a bare vector. */
type ApiResult = TlObject | Buffer;

/** An API method: what it does, and whether it may be called by somebody who is not logged in. */
interface ApiMethod {
  readonly anonymous?: true;
  run(call: ApiCall): ApiResult;
}

/** Methods by their names in the schema. */
export type ApiMethods = Readonly<Record<string, ApiMethod>>;

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TelegramClient } from 'telegram/client/TelegramClient.js';
import type { SimulatorInfo } from '../../src/simulator/control.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { gramjsClient } from './gramjs-client.ts';
import { RawClient, type Received } from './raw-client.ts';
import { SimulatorProcess, type SimulatorProcessOptions, temporaryFolder } from './simulator-process.ts';

/** One simulator over a world, and everybody who came to it; all of it goes with {@link close}. */
export class House {
  simulator: SimulatorProcess;
  readonly #options: SimulatorProcessOptions;
  readonly #folders: readonly { remove(): void }[];
  readonly #raw: RawClient[] = [];
  readonly #gramjs: TelegramClient[] = [];

  private constructor(
    simulator: SimulatorProcess,
    options: SimulatorProcessOptions,
    folders: readonly { readonly path: string; remove(): void }[],
  ) {
    this.simulator = simulator;
    this.#options = options;
    this.#folders = folders;
  }

  /** @param world what its `world.json` says; the built-in world where it is absent */
  static async open(world?: object): Promise<House> {
    const data = temporaryFolder();
    const folders = [data];
    let options: SimulatorProcessOptions = { dataDir: data.path };
    if (world !== undefined) {
      const folder = temporaryFolder();
      folders.push(folder);
      writeFileSync(join(folder.path, 'world.json'), JSON.stringify(world));
      options = { ...options, worldPath: folder.path };
    }
    return new House(await SimulatorProcess.start(options), options, folders);
  }

  /** Where it keeps its things; goes with it. */
  get folder(): string {
    return this.#options.dataDir;
  }

  get info(): SimulatorInfo {
    return this.simulator.info;
  }

  get control(): SimulatorProcess['control'] {
    return this.simulator.control;
  }

  /** Kills the simulator and starts it again over the same folder. */
  async restart(): Promise<void> {
    await this.simulator.kill();
    this.simulator = await SimulatorProcess.start(this.#options);
  }

  /** A raw client with a fresh key. */
  async raw(dcId = 2): Promise<RawClient> {
    return this.keep(await RawClient.ready(this.info, dcId));
  }

  /** A raw client that is logged in. */
  async rawLogin(phone: string, dcId = 2): Promise<RawClient> {
    const client = await this.raw(dcId);
    await rawLogIn(client, this.info, phone);
    return client;
  }

  /** An unmodified GramJS client, connected. */
  async gramjs(session = '', dcId = 2): Promise<TelegramClient> {
    const client = gramjsClient(this.info, session, 'full', dcId);
    this.#gramjs.push(client);
    if (!(await client.connect())) throw new Error('not connected');
    return client;
  }

  keep(client: RawClient): RawClient {
    this.#raw.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#raw) client.end();
    await Promise.all(this.#gramjs.map((client) => client.destroy()));
    await this.simulator.kill();
    for (const folder of this.#folders) folder.remove();
  }
}

/** Asks for a code. */
export function sendCode(client: RawClient, phoneNumber: string): Promise<TlObject> {
  return client.call({ _: 'auth.sendCode', phoneNumber, apiId: 1, apiHash: 'hash', settings: { _: 'codeSettings' } });
}

/** Asks for a QR token. */
export function exportToken(client: RawClient, exceptIds: readonly number[] = []): Promise<TlObject> {
  return client.call({ _: 'auth.exportLoginToken', apiId: 1, apiHash: 'hash', exceptIds });
}

/** The first step of a login. @returns the authorisation, or the error */
export async function rawLogIn(client: RawClient, info: SimulatorInfo, phone: string): Promise<TlObject> {
  const account = info.accounts.find((one) => one.phone === phone);
  const { phoneCodeHash } = await sendCode(client, phone);
  return client.call({ _: 'auth.signIn', phoneNumber: phone, phoneCodeHash, phoneCode: account?.code ?? '' });
}

/** Waits for a push that holds an update of a class. @returns the update */
export async function pushedUpdate(client: RawClient, name: string, nth = 0): Promise<TlObject> {
  const updatesOf = ({ object }: Received): TlObject[] => {
    if (object._ === name) return [object];
    const inner = object._ === 'updateShort' ? [object.update] : ((object.updates as TlObject[] | undefined) ?? []);
    return (inner as TlObject[]).filter((update) => update._ === name);
  };
  await client.until(() => client.received.flatMap(updatesOf).length > nth);
  return client.received.flatMap(updatesOf)[nth] as TlObject;
}

/** What is left of a list of objects: their classes. */
export function names(objects: unknown): string[] {
  return (objects as TlObject[]).map(({ _ }) => _);
}

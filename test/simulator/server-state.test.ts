import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { authKey } from '../../src/simulator/auth-key.ts';
import { ServerState } from '../../src/simulator/server-state.ts';
import { DEFAULT_ACCOUNT } from '../../src/simulator/world-file.ts';
import { temporaryFolder } from './simulator-process.ts';

const world = { accounts: [DEFAULT_ACCOUNT], channels: [] };
const key = authKey(Buffer.alloc(256, 7));
let folder: ReturnType<typeof temporaryFolder>;
let journal: string;

beforeEach(() => {
  folder = temporaryFolder();
  journal = join(folder.path, 'journal.jsonl');
});
afterEach(() => folder.remove());

describe('a journal', () => {
  it('of the time when there was one data centre is taken up: its keys are of the home one, its logins hold', () => {
    const lines = [
      { t: 'key', bytes: key.bytes.toString('base64') },
      { t: 'layer', key: String(key.id), layer: 198 },
      { t: 'login', key: String(key.id), phone: DEFAULT_ACCOUNT.phone },
    ];
    appendFileSync(journal, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const state = ServerState.open(journal, world, silentLog);
    expect(state.key(key.id)).toMatchObject({ dcId: 2, layer: 198 });
    expect(state.key(key.id)?.account).toBe(state.account(DEFAULT_ACCOUNT.phone));
    state.close();
  });

  it('keeps where a key belongs, why it is refused, and that a later login ends the refusal', () => {
    const open = (): ServerState => ServerState.open(journal, world, silentLog);
    let state = open();
    state.addKey([key], 4);
    const first = state.key(key.id);
    if (first === undefined) throw new Error('no key');
    state.refuse(first, 401, 'SESSION_EXPIRED');
    state.keepPort(4, 1234);
    state.close();
    state = open();
    const second = state.key(key.id);
    expect(second).toMatchObject({ dcId: 4, refusal: { code: 401, message: 'SESSION_EXPIRED' } });
    expect(state.port(4)).toBe(1234);
    const account = state.account(DEFAULT_ACCOUNT.phone);
    if (second === undefined || account === undefined) throw new Error('no key, or no account');
    state.login(second, account);
    state.close();
    state = open();
    expect(state.key(key.id)?.refusal).toBeUndefined();
    expect(state.key(key.id)?.account?.phone).toBe(DEFAULT_ACCOUNT.phone);
    state.close();
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataDir } from '../../src/data-dir.ts';

const HOLDER = { pid: 4711, startedAt: Date.UTC(2025, 0, 2, 3, 4, 5) };
const HOLD = new URL('../support/hold-data-dir.js', import.meta.url).pathname;

let base: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'vigilia-data-'));
  path = join(base, 'deep', 'data');
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(base, { recursive: true, force: true });
});

/** Starts a real second process that holds the directory; resolves once it does. */
async function holdElsewhere(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOLD, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const ended = once(child, 'exit').then(() => 'ended');
  const said = await Promise.race([once(child.stdout, 'data').then(([data]) => String(data)), ended]);
  expect(said).toBe('held\n');
  return child;
}

describe('a data directory', () => {
  it('is made for its owner alone and says who holds it', () => {
    const dir = openDataDir(path, HOLDER);
    expect(dir.path).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(JSON.parse(readFileSync(dir.file('owner.json'), 'utf8'))).toEqual({ ...HOLDER, address: null });
    dir.announce('http://127.0.0.1:4010');
    expect(JSON.parse(readFileSync(dir.file('owner.json'), 'utf8'))).toEqual({ ...HOLDER, address: 'http://127.0.0.1:4010' });
    expect(statSync(dir.file('owner.json')).mode & 0o777).toBe(0o600);
    dir.close();
    dir.close();
    expect(existsSync(join(path, 'owner.json'))).toBe(false);
  });

  it('keeps its installation id, and makes another where the file is damaged', () => {
    const first = openDataDir(path, HOLDER);
    first.close();
    const second = openDataDir(path, HOLDER);
    second.close();
    expect(first.installationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(second.installationId).toBe(first.installationId);
    writeFileSync(join(path, 'installation-id'), first.installationId.slice(0, 10));
    const third = openDataDir(path, HOLDER);
    third.close();
    expect(third.installationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(third.installationId).not.toBe(first.installationId);
  });

  it('is refused a second time within one process, until it is given back', () => {
    const dir = openDataDir(path, HOLDER);
    dir.announce('http://127.0.0.1:4010');
    expect(() => openDataDir(path, { pid: 1, startedAt: 0 })).toThrow(
      expect.objectContaining({
        code: 'DATA_DIR_LOCKED',
        message: expect.stringMatching(/process 4711, since 2025-01-02T03:04:05\.000Z, at http:\/\/127\.0\.0\.1:4010/),
      }),
    );
    dir.close();
    openDataDir(path, HOLDER).close();
  });

  it('is refused while another process holds it, and free the moment that one is killed', async () => {
    const child = await holdElsewhere();
    expect(() => openDataDir(path, HOLDER)).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_LOCKED', message: expect.stringContaining(`process ${child.pid}`) }),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(join(path, 'owner.json'))).toBe(true);
    const dir = openDataDir(path, HOLDER);
    expect(JSON.parse(readFileSync(dir.file('owner.json'), 'utf8'))).toMatchObject({ pid: 4711 });
    dir.close();
  });

  it('is still refused when owner.json cannot be read', async () => {
    await holdElsewhere();
    writeFileSync(join(path, 'owner.json'), '{"pid":');
    expect(() => openDataDir(path, HOLDER)).toThrow(/another process/);
  });
});

describe('a place that cannot be a data directory is refused with the reason', () => {
  it('a path through a file', () => {
    writeFileSync(join(base, 'file'), '');
    expect(() => openDataDir(join(base, 'file', 'data'), HOLDER)).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_UNUSABLE', message: expect.stringContaining('ENOTDIR') }),
    );
  });

  it('a file in its place', () => {
    writeFileSync(join(base, 'file'), '');
    expect(() => openDataDir(join(base, 'file'), HOLDER)).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_UNUSABLE', message: expect.stringContaining('a file in its place') }),
    );
  });

  it('a folder where the lock belongs', () => {
    mkdirSync(join(path, 'lock'), { recursive: true });
    expect(() => openDataDir(path, HOLDER)).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_UNUSABLE', message: expect.stringContaining('EISDIR') }),
    );
  });

  it('a folder where the owner belongs, and it does not stay locked', () => {
    mkdirSync(join(path, 'owner.json'), { recursive: true });
    expect(() => openDataDir(path, HOLDER)).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNUSABLE' }));
    rmSync(join(path, 'owner.json'), { recursive: true });
    openDataDir(path, HOLDER).close();
  });
});

import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeFolder } from '../../src/make-folder.ts';

// In a process of its own (vitest.config.ts): elsewhere the module may be loaded already, and with it the real `mkdir`.

/** What another process does between this one's look and its `mkdir`. */
const meanwhile = vi.hoisted(() => ({ act: (_path: string): void => {} }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const mkdirSync = (path: string, options: object): unknown => {
    meanwhile.act(path);
    return fs.mkdirSync(path, options);
  };
  return { ...fs, mkdirSync };
});

describe('a folder is made', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'vigilia-folder-'));
  });
  afterEach(() => {
    meanwhile.act = () => {};
    rmSync(root, { recursive: true, force: true });
  });

  it('with those above it, for this user alone', () => {
    const path = join(root, 'a', 'b', 'c');
    makeFolder(path);
    expect([join(root, 'a'), dirname(path), path].map((some) => statSync(some).mode & 0o777)).toEqual([0o700, 0o700, 0o700]);
  });

  it('while another process makes it, or one above it, too', async () => {
    const { mkdirSync: make } = await vi.importActual<typeof import('node:fs')>('node:fs');
    const raced: string[] = [];
    meanwhile.act = (path) => {
      if (!existsSync(dirname(path)) || existsSync(path)) return;
      raced.push(path);
      make(path);
    };
    const path = join(root, 'a', 'b');
    makeFolder(path);
    expect(raced).toEqual([join(root, 'a'), path]);
    expect(statSync(path).isDirectory()).toBe(true);
  });

  it('not where a file or a link to nothing lies', () => {
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'nothing'), join(root, 'link'));
    for (const name of ['file', 'link'])
      expect(() => makeFolder(join(root, name))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => makeFolder(join(root, 'file', 'below'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });
});

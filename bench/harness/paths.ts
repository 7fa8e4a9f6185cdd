import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd } from './cleanup.ts';

/** The folder of the project: the nearest one above with a package.json. */
export const ROOT = nearestPackage(dirname(fileURLToPath(import.meta.url)));

/** The program as it is shipped. */
export const PROGRAM = join(ROOT, 'dist', 'main.js');

function nearestPackage(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  if (dirname(folder) === folder) throw new Error('bench: no package.json above this file');
  return nearestPackage(dirname(folder));
}

/** A fresh folder. `remove` takes it away, and so does the end. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'vigilia-bench-'));
  return { path, remove: atEnd(() => rm(path, { recursive: true, force: true, maxRetries: 5 })) };
}

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseTar } from 'nanotar';

/**
 * The embedded database's empty cluster with the schema in it, which the build makes, as `.tar.gz`: initdb takes four seconds of CPU and the migrations half a one.
 * @returns undefined where there is none for this version of PGlite; then the cluster has to be made
 */
export function emptyCluster(): Buffer<ArrayBuffer> | undefined {
  const file = new URL(`../../../dist/empty-cluster-${pgliteVersion()}.tar.gz`, import.meta.url);
  return existsSync(file) ? readFileSync(file) : undefined;
}

/** Unpacks a cluster into an empty folder. PGlite would do it too, but only by starting on it: a second of CPU for nothing. */
export function unpackCluster(cluster: Buffer, folder: string): void {
  for (const { name, type, data } of parseTar(gunzipSync(cluster))) {
    const path = join(folder, name);
    mkdirSync(type === 'directory' ? path : dirname(path), { recursive: true, mode: 0o700 });
    if (type === 'file') writeFileSync(path, data ?? '', { mode: 0o600 });
  }
}

/** PGlite does not export its package.json. */
function pgliteVersion(): string {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@electric-sql/pglite');
  return (require(entry.replace(/dist[\\/].*$/, 'package.json')) as { version: string }).version;
}

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * The embedded database's empty cluster, which the build makes: initdb takes four seconds of CPU, loading its result one.
 * @returns undefined where there is none for this version of PGlite; then the cluster has to be made
 */
export function emptyCluster(): File | undefined {
  const file = new URL(`../../../dist/empty-cluster-${pgliteVersion()}.tar.gz`, import.meta.url);
  if (!existsSync(file)) return undefined;
  return new File([readFileSync(file)], 'pgdata.tar.gz', { type: 'application/x-gzip' });
}

/** PGlite does not export its package.json. */
function pgliteVersion(): string {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@electric-sql/pglite');
  return (require(entry.replace(/dist[\\/].*$/, 'package.json')) as { version: string }).version;
}

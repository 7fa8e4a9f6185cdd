// Part of the build: makes the embedded database's empty cluster once, so that no first start has to spend the three seconds that initdb takes.
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';

// PGlite does not export its package.json.
const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
const { version } = createRequire(import.meta.url)(entry.replace(/dist[\\/].*$/, 'package.json'));
const folder = fileURLToPath(new URL('../dist/', import.meta.url));
const file = `${folder}empty-cluster-${version}.tar.gz`;

if (!existsSync(file)) {
  const database = await PGlite.create();
  const cluster = await database.dumpDataDir('gzip');
  await database.close();
  await mkdir(folder, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, Buffer.from(await cluster.arrayBuffer()));
  await rename(unfinished, file);
}

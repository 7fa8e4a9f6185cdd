// Part of the build: makes the embedded database's empty cluster once, with the schema in it, so that no first start has to spend the seconds that initdb and
// the migrations take. Whose database it becomes, the first start says.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { applyPending, readMigrations, SQL_FOLDER } from '../dist/actors/store/migrations.js';

// PGlite does not export its package.json.
const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
const { version } = createRequire(import.meta.url)(entry.replace(/dist[\\/].*$/, 'package.json'));
const file = fileURLToPath(new URL(`../dist/empty-cluster-${version}.tar.gz`, import.meta.url));
const migrations = await readMigrations(SQL_FOLDER);
const contents = createHash('sha256');
for (const { checksum } of migrations) contents.update(checksum);
const mark = contents.digest('hex');

const isMade = existsSync(file) && existsSync(`${file}.mark`) && readFileSync(`${file}.mark`, 'utf8') === mark;
if (!isMade) {
  const database = await PGlite.create();
  const session = {
    query: async (text, values) => (await database.query(text, values)).rows,
    script: async (text) => void (await database.exec(text)),
  };
  await applyPending(session, migrations);
  const cluster = await database.dumpDataDir('gzip');
  await database.close();
  const put = async (at, bytes) => {
    const unfinished = `${at}.${process.pid}`;
    await writeFile(unfinished, bytes);
    await rename(unfinished, at);
  };
  await put(file, Buffer.from(await cluster.arrayBuffer()));
  await put(`${file}.mark`, mark);
}

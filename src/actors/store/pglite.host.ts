import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite, types } from '@electric-sql/pglite';
import { emptyCluster, unpackCluster } from './empty-cluster.ts';
import type { PgliteHostData, PgliteReply, PgliteRequest } from './pglite-protocol.ts';

// The entry of the thread that owns the embedded database: a statement over a thousand rows would hold the program's own loop for 90 ms.

/** Parameters and results pass in PostgreSQL's own forms, whatever their type: the other side knows the types. */
const asIs = <T>(value: T): T => value;
const PARSERS = Object.fromEntries(Object.keys(types.parsers).map((type) => [type, asIs<string>]));
// Bytes are bound in binary form by PGlite, although its type says that serializers give strings.
const SERIALIZERS: Record<number, (value: string) => string> = new Proxy({}, { get: () => asIs<string> });

if (parentPort === null) throw new Error('pglite.host is the entry of a worker thread');
const port = parentPort;
const { folder } = workerData as PgliteHostData;
let requests: Promise<void> = Promise.resolve();

try {
  const database = await openDatabase();
  port.on('message', (request: PgliteRequest) => {
    requests = requests.then(async () => reply(await answer(database, request)));
  });
  reply({ id: 0, ok: true, columns: [], rows: [] });
} catch (thrown) {
  reply(failure(0, thrown));
}

async function openDatabase(): Promise<PGlite> {
  if (folder === null) return createInMemory();
  if (!existsSync(join(folder, 'PG_VERSION'))) await createDatabase(folder);
  return PGlite.create({ dataDir: folder });
}

/** A new database appears under its name only when it is whole: a process killed in its first second leaves nothing half made. */
async function createDatabase(at: string): Promise<void> {
  const unfinished = `${at}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(at), { recursive: true, mode: 0o700 });
  if (existsSync(at)) {
    if (readdirSync(at).length > 0) throw new Error(`${at} holds something else than a database`);
    rmdirSync(at);
  }
  mkdirSync(unfinished, { mode: 0o700 });
  const cluster = emptyCluster();
  if (cluster !== undefined) unpackCluster(cluster, unfinished);
  else await (await PGlite.create({ dataDir: unfinished })).close();
  renameSync(unfinished, at);
}

function createInMemory(): Promise<PGlite> {
  const cluster = emptyCluster();
  if (cluster === undefined) return PGlite.create();
  return PGlite.create({ loadDataDir: new File([cluster], 'pgdata.tar.gz', { type: 'application/x-gzip' }) });
}

async function answer(database: PGlite, request: PgliteRequest): Promise<PgliteReply> {
  const { id } = request;
  try {
    switch (request.kind) {
      case 'close':
        await database.close();
        return { id, ok: true, columns: [], rows: [] };
      case 'script':
        await database.exec(request.text);
        return { id, ok: true, columns: [], rows: [] };
      case 'query': {
        const options = { rowMode: 'array', parsers: PARSERS, serializers: SERIALIZERS } as const;
        const result = await database.query<(string | null)[]>(request.text, [...request.values], options);
        const columns = result.fields.map((field) => ({ name: field.name, type: field.dataTypeID }));
        return { id, ok: true, columns, rows: result.rows };
      }
    }
  } catch (thrown) {
    return failure(id, thrown);
  }
}

function failure(id: number, thrown: unknown): PgliteReply {
  const { code } = thrown as { code?: unknown };
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { id, ok: false, message, code: typeof code === 'string' ? code : undefined };
}

function reply(message: PgliteReply): void {
  port.postMessage(message);
}

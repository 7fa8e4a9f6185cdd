import type { SqlSession } from './sql-driver.ts';

/** What this many small rows take is more than a statement may keep in memory, so that the server puts them into a file. */
const SPILLED_ROWS = 5_000;

/**
 * What `Store.proveWrite` says, inside a transaction. An update alone would prove little: it finds room in a page that is there, also on a full
 * disk, where inserts fail. What a function returns is kept until all of it is there, and beyond the memory that it may have in a temporary file, which
 * takes new room every time, lies in the folder of the database's tables, and leaves neither log nor dead rows.
 */
export async function proveWrite(session: SqlSession): Promise<void> {
  await session.script(`SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = ''`);
  await session.query(`SELECT count(*) FROM generate_series(1, ${SPILLED_ROWS})`);
  // Whoever has the row at the moment is proving the same, or stands still over it: neither says anything about what this process can write.
  await session.query('UPDATE world SET id = id WHERE id IN (SELECT id FROM world FOR UPDATE SKIP LOCKED)');
}

import { countSmaller } from './message-list.ts';
import { RpcError } from './rpc-error.ts';

/** @throws RpcError PERSISTENT_TIMESTAMP_EMPTY, and PERSISTENT_TIMESTAMP_INVALID for a pts that was never given */
export function checkPts(pts: number, current: number): void {
  if (pts <= 0) throw new RpcError(400, 'PERSISTENT_TIMESTAMP_EMPTY');
  if (pts > current) throw new RpcError(400, 'PERSISTENT_TIMESTAMP_INVALID');
}

/** Where in a log, which is in order of pts, the entries after a pts begin, and where at most `limit` of them end. */
export function entriesAfter(
  log: readonly { readonly pts: number }[],
  pts: number,
  limit: number,
): { readonly start: number; readonly end: number } {
  const start = countSmaller(log.length, (index) => log[index]?.pts ?? 0, pts + 1);
  return { start, end: Math.min(log.length, start + limit) };
}

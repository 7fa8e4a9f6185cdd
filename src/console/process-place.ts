import { hrefOf } from './place.ts';
import type { ProcessRow } from './shapes.ts';

/** Which process, and what of it. */
export interface ProcessPlace {
  /** Undefined for the one that answers. */
  readonly process: string | undefined;
  /** An actor's path, `machines/…`, or empty. */
  readonly path: string;
}

/** @param what `root/accounts`, or `@<process>/root/accounts` */
export function processPlaceOf(what: string): ProcessPlace {
  if (!what.startsWith('@')) return { process: undefined, path: what };
  const end = what.indexOf('/');
  const process = what.slice(1, end < 0 ? undefined : end);
  return { process: process === '' ? undefined : process, path: end < 0 ? '' : what.slice(end + 1) };
}

/** @returns the hash that leads to an actor of a process */
export function processHref(process: string | undefined, path = ''): string {
  if (process === undefined) return hrefOf('system', path);
  return hrefOf('system', path === '' ? `@${process}` : `@${process}/${path}`);
}

/** @returns what to ask the gateway for an actor of a process; without a path for its tree */
export function statePathOf(process: string | undefined, path = ''): string {
  const actor = path === '' ? '' : `/${path.split('/').map(encodeURIComponent).join('/')}`;
  return `api/state${actor}${process === undefined ? '' : `?process=${encodeURIComponent(process)}`}`;
}

/** @returns the other process that serves an account; undefined where it is the one that is asked, or nobody */
export function serverOf(account: string, processes: readonly ProcessRow[] = []): string | undefined {
  return processes.find(({ self, accounts }) => !self && accounts.includes(account))?.id;
}

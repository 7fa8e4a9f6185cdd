import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync, gzip } from 'node:zlib';
import { VigiliaError } from '../../errors.ts';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Largest view that is read, in bytes: far more than the tree of a worker with all the accounts that it may have. */
const MOST_BYTES = 64 * 2 ** 20;

/** Up to here, in bytes as stored, a view is read at once: handing it to another thread takes longer. */
const SMALL_BYTES = 16 * 2 ** 10;

/** What a process says of an actor, or of all of them. */
export interface ToldView {
  /** Its wall clock as it says so, ms since the Unix epoch. */
  readonly at: number;
  readonly value: unknown;
}

/** @returns a view as it is stored: JSON, compressed, off the event loop */
export async function packView(view: ToldView): Promise<string> {
  return (await compress(JSON.stringify(view), { level: constants.Z_BEST_SPEED })).toString('base64');
}

/** @throws STORE_REFUSED where it is none: a newer version of the program wrote it otherwise */
export async function unpackView(text: string): Promise<ToldView> {
  try {
    const packed = Buffer.from(text, 'base64');
    const limit = { maxOutputLength: MOST_BYTES };
    const json = packed.length > SMALL_BYTES ? await expand(packed, limit) : gunzipSync(packed, limit);
    const view = JSON.parse(json.toString()) as ToldView;
    if (typeof view.at === 'number') return view;
  } catch (cause) {
    throw new VigiliaError('STORE_REFUSED', 'what a process says of its actors cannot be read', { cause });
  }
  throw new VigiliaError('STORE_REFUSED', 'what a process says of its actors cannot be read');
}

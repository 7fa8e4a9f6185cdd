/** How much a pump may have in hand, and when it writes. Sizes are in messages. */
export interface PumpLimits {
  /** The most that one page brings. */
  readonly page: number;
  /** The most that goes into one write; a page is never split. */
  readonly batch: number;
  /** The most that is read and not written yet, with what is being written and what was asked for. */
  readonly unwritten: number;
  /** How long a page waits at most for others to be written with, in ms, while the writer is idle. */
  readonly lingerMs: number;
}

/** Where a pump stands. */
export interface Flow {
  /** Read and not handed to the writer, in order; `at` is when it came, by the monotonic clock in ms. */
  readonly waiting: readonly { readonly size: number; readonly at: number }[];
  /** Size of the batch that the writer has; undefined when it is idle. */
  readonly writing: number | undefined;
  /** Size of all that was written. */
  readonly written: number;
  /** A page is asked for and has not come. */
  readonly reading: boolean;
  /** Nothing more is to be read: the source has ended or failed, or somebody wants the pump to end. */
  readonly ended: boolean;
  /** The writer has failed: nothing more is to be read or written. */
  readonly refused: boolean;
}

/** What a pump does next. */
export interface Move {
  /** Ask for a page. */
  readonly read: boolean;
  /** Hand so many of the waiting pages to the writer, the first ones; 0: none. */
  readonly write: number;
  /** Look again after this long even if nothing happens. */
  readonly wakeInMs: number | undefined;
  /** Nothing is under way, and nothing more will be. */
  readonly over: boolean;
}

/**
 * What a pump does next: pure.
 * @param now by the monotonic clock, ms
 */
export function nextMove(flow: Flow, limits: PumpLimits, now: number): Move {
  const { waiting, writing, written, reading, ended, refused } = flow;
  const idle = writing === undefined;
  if (refused || (ended && waiting.length === 0)) {
    return { read: false, write: 0, wakeInMs: undefined, over: idle && !reading };
  }
  const waitingSize = sizeOf(waiting);
  const inHand = waitingSize + (writing ?? 0);
  const read = !reading && !ended && (inHand === 0 || inHand + limits.page <= limits.unwritten);
  const [oldest] = waiting;
  if (!idle || oldest === undefined) return { read, write: 0, wakeInMs: undefined, over: false };
  const lingersMs = oldest.at + limits.lingerMs - now;
  const due = ended || (!read && !reading) || waitingSize >= Math.min(limits.batch, written) || lingersMs <= 0;
  return { read, write: due ? pagesOf(waiting, limits.batch) : 0, wakeInMs: due ? undefined : lingersMs, over: false };
}

/** How many of the pages fit in a batch: at least the first one. */
function pagesOf(waiting: Flow['waiting'], batch: number): number {
  let size = 0;
  let pages = 0;
  for (const page of waiting) {
    size += page.size;
    if (pages > 0 && size > batch) break;
    pages++;
  }
  return pages;
}

function sizeOf(pages: Flow['waiting']): number {
  return pages.reduce((sum, { size }) => sum + size, 0);
}

import { useEffect, useState } from 'preact/hooks';
import { API } from './api.ts';
import { followEvents } from './event-feed.ts';
import type { ToldEvent } from './shapes.ts';

/** What the page has heard since it was opened. */
export interface LiveView {
  readonly open: boolean;
  /** When the next attempt is, ms since the Unix epoch, where it is not open. */
  readonly nextAt: number;
  /** Newest first. */
  readonly recent: readonly ToldEvent[];
  /** New messages in each of the last minutes' sixths, oldest first. */
  readonly messages: readonly number[];
}

const KEPT = 40;
const SLICES = 36;
const SLICE_MS = 10_000;

type Listener = (event: ToldEvent) => void;
const listeners = new Set<Listener>();

/** Tells of each event as it comes. @returns ends it */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows the gateway's events for the whole page. */
export function useLiveView(): LiveView {
  const [view, setView] = useState<LiveView>({ open: false, nextAt: 0, recent: [], messages: Array(SLICES).fill(0) });
  useEffect(() => {
    let pending: ToldEvent[] = [];
    let counted = 0;
    const end = followEvents({
      url: `${API}/events`,
      onState: (open, retryInMs) => setView((before) => ({ ...before, open, nextAt: Date.now() + retryInMs })),
      onEvent: ({ event, data }) => {
        if (data === '' || event === 'reset' || event === 'closed') return;
        const told = JSON.parse(data) as ToldEvent;
        if (event === 'message.new') counted++;
        pending.push(told);
        for (const listener of listeners) listener(told);
      },
    });
    // Painted four times a second at most, however much happens.
    const paint = setInterval(() => {
      if (pending.length === 0) return;
      const newest = pending.slice(-KEPT).reverse();
      pending = [];
      setView((before) => ({ ...before, recent: [...newest, ...before.recent].slice(0, KEPT) }));
    }, 250);
    const slice = setInterval(() => {
      const now = counted;
      counted = 0;
      setView((before) => ({ ...before, messages: [...before.messages.slice(1), now] }));
    }, SLICE_MS);
    return () => {
      end();
      clearInterval(paint);
      clearInterval(slice);
    };
  }, []);
  return view;
}

/** How many minutes one slice is. */
export const SLICE_MINUTES = SLICE_MS / 60_000;

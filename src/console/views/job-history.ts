import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, ask } from '../api.ts';
import type { Resource } from '../resource.ts';
import type { JobEvent } from '../shapes.ts';

/** Events of one question: as many as the gateway gives. */
const PAGE = 1_000;
/** Before it is asked again whether more has happened, in ms. */
const EVERY_MS = 2_000;

interface HistoryPage {
  readonly events: readonly JobEvent[];
  readonly next: { readonly after: number } | null;
}

/**
 * All that happened to a job, from its first event on, and what comes while somebody looks: what was read once is not asked for again.
 * @param path of the job
 */
export function useJobHistory(path: string): Resource<readonly JobEvent[]> {
  const [state, setState] = useState<Omit<Resource<readonly JobEvent[]>, 'refresh'>>({
    value: undefined,
    error: undefined,
    at: 0,
  });
  const [turn, setTurn] = useState(0);
  const read = useRef<readonly JobEvent[]>([]);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (): Promise<void> => {
      try {
        for (let more = !document.hidden; more; ) {
          const after = read.current.at(-1)?.id ?? 0;
          const page = await ask<HistoryPage>(`${path}/history?after=${after}&limit=${PAGE}`, { signal: stop.signal });
          if (stop.signal.aborted) return;
          if (page.events.length > 0) read.current = [...read.current, ...page.events];
          more = page.next !== null;
          const value = read.current;
          setState({ value, error: undefined, at: Date.now() });
        }
      } catch (thrown) {
        if (stop.signal.aborted) return;
        const error = thrown instanceof ApiError ? thrown : new ApiError(0, 'PAGE', String(thrown));
        setState((before) => ({ ...before, error }));
      }
      if (!stop.signal.aborted) timer = setTimeout(() => void run(), EVERY_MS);
    };
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, turn]);

  const refresh = useCallback(() => setTurn((count) => count + 1), []);
  return { ...state, refresh };
}

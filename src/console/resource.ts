import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, ask } from './api.ts';
import { type Asking, keepAsking } from './keep-asking.ts';

/** What was asked for: the newest answer, and what went wrong since. */
export interface Resource<T> {
  readonly value: T | undefined;
  /** Of the newest attempt; undefined where that was well. */
  readonly error: ApiError | undefined;
  /** When the value came, ms since the Unix epoch. */
  readonly at: number;
  /** Asks now, or once more after the question that is under way. */
  readonly refresh: () => void;
}

interface Options {
  /** How often it is asked again, in ms, while the page is looked at; 0 for never. @default 0 */
  readonly everyMs?: number;
  readonly alsoFine?: readonly number[];
}

/**
 * Asks the gateway, again and again while somebody looks. The last answer stays while there is no newer one: with its age, and with the error.
 * @param path undefined asks nothing
 */
export function useResource<T>(path: string | undefined, { everyMs = 0, alsoFine }: Options = {}): Resource<T> {
  const [state, setState] = useState<Omit<Resource<T>, 'refresh'> & { readonly path: string | undefined }>({
    value: undefined,
    error: undefined,
    at: 0,
    path,
  });
  const asking = useRef<Asking | undefined>(undefined);
  const fine = useRef(alsoFine);
  fine.current = alsoFine;

  useEffect(() => {
    if (path === undefined) return;
    const own = keepAsking(async (signal) => {
      if (document.hidden) return;
      try {
        const value = await ask<T>(path, { signal, ...(fine.current ? { alsoFine: fine.current } : {}) });
        if (signal.aborted) return;
        setState({ value, error: undefined, at: Date.now(), path });
      } catch (thrown) {
        if (signal.aborted) return;
        const error = thrown instanceof ApiError ? thrown : new ApiError(0, 'PAGE', String(thrown));
        setState((before) => ({ ...(before.path === path ? before : { value: undefined, at: 0 }), error, path }));
      }
    }, everyMs);
    asking.current = own;
    const onVisible = (): void => {
      if (!document.hidden) own.refresh();
    };
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      own.stop();
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [path, everyMs]);

  const refresh = useCallback(() => asking.current?.refresh(), []);
  const current = state.path === path ? state : { value: undefined, error: undefined, at: 0 };
  return { value: current.value, error: current.error, at: current.at, refresh };
}

/** @returns the time, in ms since the Unix epoch, renewed every second */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** One thing that a person asked for: whether it is under way, and what came of it. */
export function useAct(): {
  readonly busy: boolean;
  readonly error: ApiError | undefined;
  readonly run: (work: () => Promise<void>) => void;
} {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const run = useCallback((work: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    work()
      .catch((thrown: unknown) => setError(thrown instanceof ApiError ? thrown : new ApiError(0, 'PAGE', String(thrown))))
      .finally(() => setBusy(false));
  }, []);
  return { busy, error, run };
}

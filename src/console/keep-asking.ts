/** What asks until it is stopped. */
export interface Asking {
  /** Asks now; while a question is under way, once more after its answer, which may be older than what there is to see. */
  readonly refresh: () => void;
  /** Ends it, with the question under way. */
  readonly stop: () => void;
}

/**
 * Asks at once, and then again and again, one question at a time: were one cut off for the next, none would have an answer where answers take longer than
 * it is wished for a newer one.
 * @param question resolves when it was answered, well or badly
 * @param everyMs how long after an answer it is asked again; 0 for never
 */
export function keepAsking(question: (signal: AbortSignal) => Promise<void>, everyMs: number): Asking {
  const over = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  let isWanted = false;
  const run = async (): Promise<void> => {
    clearTimeout(timer);
    isAsking = true;
    try {
      do {
        isWanted = false;
        await question(over.signal);
      } while (isWanted && !over.signal.aborted);
    } finally {
      isAsking = false;
    }
    if (everyMs > 0 && !over.signal.aborted) timer = setTimeout(() => void run(), everyMs);
  };
  void run();
  return {
    refresh() {
      if (isAsking) isWanted = true;
      else if (!over.signal.aborted) void run();
    },
    stop() {
      over.abort();
      clearTimeout(timer);
    },
  };
}

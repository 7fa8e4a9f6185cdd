/**
 * Makes many equal reads at a time one, or two: whoever asks while one is under way gets the next one, which begins after it was asked for. So
 * nobody is given what was read before he asked.
 */
export function sharedReads<K, T>(nameOf: (key: K) => string, read: (key: K) => Promise<T>): (key: K) => Promise<T> {
  interface Running {
    readonly now: Promise<T>;
    next: Promise<T> | undefined;
  }
  const running = new Map<string, Running>();

  function start(name: string, key: K): Promise<T> {
    const now = read(key).finally(() => {
      if (entry.next === undefined) running.delete(name);
    });
    const entry: Running = { now, next: undefined };
    running.set(name, entry);
    return now;
  }

  return (key) => {
    const name = nameOf(key);
    const entry = running.get(name);
    if (entry === undefined) return start(name, key);
    const begin = (): Promise<T> => start(name, key);
    entry.next ??= entry.now.then(begin, begin);
    return entry.next;
  };
}

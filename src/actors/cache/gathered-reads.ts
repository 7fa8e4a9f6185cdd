interface Gathering<K, T> {
  /** What is read, each with its place among the answers. */
  readonly places: Map<K, number>;
  readonly answers: Promise<readonly T[]>;
}

/**
 * Makes one read of those that are wanted in the same turn of the event loop: where many ask at a time, that costs a fraction. Nobody is given what was
 * read before he asked, and nobody waits for others to ask.
 * @param read gives an answer for each key, in their order; where it fails, each of them has failed
 * @param most keys of one read
 */
export function gatheredReads<K, T>(read: (keys: readonly K[]) => Promise<readonly T[]>, most: number): (key: K) => Promise<T> {
  let open: Gathering<K, T> | undefined;

  function begin(): Gathering<K, T> {
    const places = new Map<K, number>();
    const answers = new Promise<readonly T[]>((resolve) => {
      // After all that has arrived by now was looked at.
      setImmediate(() => {
        if (open === gathering) open = undefined;
        resolve(Promise.resolve([...places.keys()]).then(read));
      });
    });
    const gathering = { places, answers };
    return gathering;
  }

  return (key) => {
    if (open === undefined || (open.places.size >= most && !open.places.has(key))) open = begin();
    const { places, answers } = open;
    const place = places.get(key) ?? places.size;
    places.set(key, place);
    return answers.then((all) => all[place] as T);
  };
}

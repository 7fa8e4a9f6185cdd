import type { Cache } from '../../ports.ts';

/** A cache that keeps nothing: for split roles without Redis, where a process would not see what the others write. */
export function createNoneCache(): Cache {
  return {
    kind: 'none',
    window: async () => undefined,
    held: async () => undefined,
    mark: () => '',
    putWindow: async () => {},
    dropWindow: async () => {},
    forgetAll: async () => {},
    close: async () => {},
  };
}

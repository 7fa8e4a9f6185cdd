import { expect, test } from 'vitest';
import type { ChildSpec } from '../../src/actors/actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { type TreeParts, treeOf } from '../../src/tree.ts';

/** Each part under its own name. */
const parts = new Proxy({} as TreeParts, {
  get: (_target, name) => (name === 'foreign' ? undefined : ({ id: String(name), kind: 'task' } as ChildSpec)),
});
const deps = { clock: systemClock, random: () => 0, log: silentLog, registry: new Registry(systemClock) };

test.each(['all', 'gateway', 'worker'] as const)(
  'a process of role %s writes acts down from before there is anything to do them to until after',
  (role) => {
    const ids = treeOf(role, parts, deps).children.map(({ id }) => id);
    const before = ids.slice(0, ids.indexOf('acts'));
    expect(before.filter((id) => id !== 'simulator')).toEqual(['infrastructure']);
    expect(['http', 'ops']).toContain(ids.at(-1));
  },
);

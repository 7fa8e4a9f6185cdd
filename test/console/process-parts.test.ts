import { describe, expect, it } from 'vitest';
import { chartOf } from '../../src/charts/chart.ts';
import { inOurTime } from '../../src/console/our-time.ts';
import { placeOf } from '../../src/console/place.ts';
import { processHref, processPlaceOf, serverOf, statePathOf } from '../../src/console/process-place.ts';
import type { ProcessRow } from '../../src/console/shapes.ts';
import { edgeOfStep } from '../../src/console/taken-edge.ts';
import { jobMachine } from '../../src/machines/job.machine.ts';

describe('the address of an actor', () => {
  it('keeps whose it is', () => {
    for (const [process, path] of [
      [undefined, ''],
      [undefined, 'root/accounts/a b'],
      ['09f8d9ff-28bc', ''],
      ['09f8d9ff-28bc', 'root/accounts/a b/connection'],
    ] as const)
      expect(processPlaceOf(placeOf(processHref(process, path)).what)).toEqual({ process, path });
    expect(processPlaceOf('@')).toEqual({ process: undefined, path: '' });
  });

  it('is asked of the process whose it is', () => {
    expect(statePathOf(undefined)).toBe('api/state');
    expect(statePathOf('a-1', 'root/a b')).toBe('api/state/root/a%20b?process=a-1');
  });

  it('is that of the process which serves an account', () => {
    const processes = [
      { id: 'a', self: true, accounts: ['main'] },
      { id: 'b', self: false, accounts: ['second'] },
    ] as unknown as ProcessRow[];
    expect(['main', 'second', 'third'].map((account) => serverOf(account, processes))).toEqual([undefined, 'b', undefined]);
  });
});

describe('what another process says', () => {
  const child = { path: 'root/x', kind: 'link', state: 'up', since: 900, incarnation: 1, restarts: 0, children: [] };
  const events = { handled: 0, rejected: 0, perSecond: 0 };

  it('is moved from its clock to ours, whatever the two say', () => {
    const tree = {
      ...child,
      events,
      nextStartAt: 1_100,
      lastExit: { at: 800, reason: 'failure', causes: [] },
      transitions: [{ at: 950, event: 'X' }],
      children: [{ ...child, events }],
      at: 1_000,
      seenAgoMs: 50,
    };
    const moved = inOurTime(tree, 70_050);
    expect(moved).toMatchObject({
      since: 69_900,
      nextStartAt: 70_100,
      lastExit: { at: 69_800 },
      transitions: [{ at: 69_950, event: 'X' }],
      children: [{ since: 69_900 }],
    });
    const { at: _, ...own } = tree;
    expect(inOurTime<typeof own>(own, 70_050)).toBe(own);
  });
});

describe('a step of a job', () => {
  const { edges } = chartOf(jobMachine);

  it('is one edge of its machine: no two share event, beginning and end', () => {
    const steps = edges.map(({ from, on, to }) => ({ event: on, from, to: to[0] ?? from }));
    expect(edges.length).toBeGreaterThan(20);
    expect(new Set(steps.map((step) => JSON.stringify(step))).size).toBe(edges.length);
    edges.forEach((edge, at) => {
      expect(edgeOfStep(edges, steps[at] as (typeof steps)[number])).toBe(edge);
    });
  });

  it('is none where the machine has no such: the first line of a history', () => {
    expect(edgeOfStep(edges, { event: 'SUBMIT', from: 'queued', to: 'queued' })).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LEFT_OVER_MS, planAccounts, type SharedAccount, type ShareView } from '../../src/machines/account-share.ts';
import { DEAD_SOCKET_MS, LEASE_MS } from '../../src/machines/lease-rule.ts';

const VIEW: ShareView = { worker: 'me', workers: 1, limit: 500, mayGiveBack: true, unevenAmong: undefined };

function account(id: string, state: Partial<SharedAccount> = {}): SharedAccount {
  return { accountId: id, owner: null, expiresInMs: null, runs: false, held: false, isOnlyHere: false, freeForMs: 0, ...state };
}
const many = (count: number, state: Partial<SharedAccount> = {}): SharedAccount[] =>
  Array.from({ length: count }, (_, index) => account(`account-${index}`, state));
const held = { owner: 'me', expiresInMs: LEASE_MS, runs: true, held: true };

describe('sharing accounts', () => {
  test('a worker alone takes all that are free, up to its limit', () => {
    expect(planAccounts(many(10), VIEW).start).toHaveLength(10);
    expect(planAccounts(many(10), { ...VIEW, limit: 4 }).start).toHaveLength(4);
  });

  test('of several each takes its share, rounded up', () => {
    expect(planAccounts(many(10), { ...VIEW, workers: 3 }).start).toHaveLength(4);
    const some = [...many(4, held), account('free')];
    expect(planAccounts(some, { ...VIEW, workers: 2 }).start).toEqual([]);
  });

  test('what was its own before a crash comes first, whatever its share is', () => {
    const own = many(8, { owner: 'me', expiresInMs: 5_000 });
    expect(planAccounts([...own, account('free')], { ...VIEW, workers: 4 }).start.toSorted()).toEqual(
      own.map(({ accountId }) => accountId).toSorted(),
    );
  });

  test('what is another’s is left alone until its lease and its socket are over, and then wanted at that moment', () => {
    const other = (expiresInMs: number) => account('other', { owner: 'another', expiresInMs });
    expect(planAccounts([other(10_000)], VIEW)).toEqual({
      start: [],
      stop: [],
      lookInMs: 10_000 + DEAD_SOCKET_MS,
      unevenAmong: undefined,
    });
    expect(planAccounts([other(-DEAD_SOCKET_MS)], VIEW)).toEqual({
      start: ['other'],
      stop: [],
      lookInMs: undefined,
      unevenAmong: undefined,
    });
    expect(planAccounts([other(10_000), account('own', held)], { ...VIEW, workers: 2 }).lookInMs).toBeUndefined();
  });

  test('a subtree whose account another took is stopped, one whose lease is held is not', () => {
    const beaten = account('beaten', { owner: 'another', expiresInMs: 10_000, runs: true });
    const late = account('late', { owner: 'another', expiresInMs: 10_000, runs: true, held: true });
    expect(planAccounts([beaten, late], { ...VIEW, workers: 2 }).stop).toEqual(['beaten']);
  });

  test('half of a surplus is given back at a time, and nothing where others could not open it', () => {
    expect(planAccounts(many(10, held), { ...VIEW, workers: 2 }).stop).toHaveLength(3);
    expect(planAccounts(many(10, held), { ...VIEW, workers: 2, mayGiveBack: false }).stop).toEqual([]);
    expect(planAccounts(many(10, held), { ...VIEW, workers: 1 }).stop).toEqual([]);
  });

  test('what nobody else can serve is taken whatever the share is, once nobody has it', () => {
    const here = many(4, { isOnlyHere: true });
    expect(planAccounts(here, { ...VIEW, workers: 2, mayGiveBack: false }).start).toHaveLength(4);
    const elsewhere = many(4, { isOnlyHere: true, owner: 'another', expiresInMs: 10_000 });
    expect(planAccounts(elsewhere, { ...VIEW, workers: 2, mayGiveBack: false }).start).toEqual([]);
  });

  test('what nobody wanted for a while is taken beyond the share, up to the limit, and kept until workers come or go', () => {
    const view = { ...VIEW, workers: 2 };
    const some = (freeForMs: number) => [...many(4, held), account('left', { freeForMs }), account('over', { freeForMs })];
    expect(planAccounts(some(LEFT_OVER_MS - 1), view)).toMatchObject({ start: [], unevenAmong: undefined });
    const beyond = planAccounts(some(LEFT_OVER_MS), view);
    expect(beyond).toMatchObject({ start: expect.arrayContaining(['left', 'over']), stop: [], unevenAmong: 2 });
    expect(planAccounts(some(LEFT_OVER_MS), { ...view, limit: 5 }).start).toHaveLength(1);
    const all = many(6, held);
    expect(planAccounts(all, { ...view, unevenAmong: 2 })).toMatchObject({ stop: [], unevenAmong: 2 });
    expect(planAccounts(all, { ...view, workers: 3, unevenAmong: 2 })).toMatchObject({
      stop: [expect.any(String), expect.any(String)],
      unevenAmong: undefined,
    });
  });

  test('workers that differ in what they may serve, and how much, leave nothing unserved that any of them can, and come to rest', () => {
    let looks = 0;
    const kind = fc.record({
      limit: fc.integer({ min: 1, max: 12 }),
      serves: fc.option(fc.bigInt({ min: 1n, max: (1n << 20n) - 1n })),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(kind, { minLength: 1, maxLength: 5 }), (count, kinds) => {
        const ids = many(count).map(({ accountId }) => accountId);
        const owners = new Map<string, string>();
        const workers = kinds.map(({ limit, serves }, index) => ({
          name: `worker ${index}`,
          limit,
          may: (id: string) => serves === null || ((serves >> BigInt(ids.indexOf(id))) & 1n) === 1n,
          freeSince: new Map<string, number>(),
          unevenAmong: undefined as number | undefined,
        }));
        let lastChange = 0;
        const end = 120_000;
        for (let now = 0; now < end; now += 1_000) {
          for (const worker of workers) {
            looks += 1;
            for (const id of ids) {
              if (owners.has(id)) worker.freeSince.delete(id);
              else if (!worker.freeSince.has(id)) worker.freeSince.set(id, now);
            }
            const seen = ids.filter(worker.may).map((id) => {
              const owner = owners.get(id);
              const isHeld = owner === worker.name;
              if (owner === undefined) return account(id, { freeForMs: now - (worker.freeSince.get(id) ?? now) });
              return account(id, { owner, expiresInMs: LEASE_MS, runs: isHeld, held: isHeld });
            });
            const { name, limit, unevenAmong } = worker;
            const plan = planAccounts(seen, { worker: name, workers: workers.length, limit, mayGiveBack: true, unevenAmong });
            worker.unevenAmong = plan.unevenAmong;
            for (const id of plan.stop) owners.delete(id);
            for (const id of plan.start) owners.set(id, name);
            if (plan.stop.length + plan.start.length > 0) lastChange = now;
          }
        }
        for (const { name, limit, may } of workers) {
          const has = [...owners.values()].filter((owner) => owner === name).length;
          expect(has).toBeLessThanOrEqual(limit);
          if (has < limit) expect(ids.filter((id) => may(id) && !owners.has(id))).toEqual([]);
        }
        expect(lastChange).toBeLessThan(end / 2);
      }),
      { numRuns: 300 },
    );
    console.info(`sharing among workers that differ: ${looks} looks, nothing left over, none without rest`);
  });

  test('workers that come and go end with an even share each, and every account served', () => {
    let rounds = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
        (count, populations) => {
          const ids = many(count).map(({ accountId }) => accountId);
          const owners = new Map<string, string>();
          for (const population of populations) {
            const workers = Array.from({ length: population }, (_, index) => `worker ${index}`);
            for (const [id, owner] of owners) if (!workers.includes(owner)) owners.delete(id);
            for (let round = 0; round < 12; round++) {
              for (const worker of workers) {
                rounds += 1;
                const view = { ...VIEW, worker, workers: population };
                const seen = ids.map((id) => {
                  const owner = owners.get(id);
                  if (owner === undefined) return account(id);
                  return account(id, { owner, expiresInMs: LEASE_MS, runs: owner === worker, held: owner === worker });
                });
                const plan = planAccounts(seen, view);
                for (const id of plan.stop) owners.delete(id);
                for (const id of plan.start) owners.set(id, worker);
              }
            }
            const shares = workers.map((worker) => [...owners.values()].filter((owner) => owner === worker).length);
            expect(owners.size).toBe(count);
            expect(Math.max(...shares)).toBeLessThanOrEqual(Math.ceil(count / population));
          }
        },
      ),
      { numRuns: 100 },
    );
    console.info(`sharing: ${rounds} looks, always even in the end`);
  });
});

import { afterEach, expect, test, vi } from 'vitest';
import type { Broker } from '../../src/ports.ts';

/** For a machine that has more to do. */
const WAIT = { timeout: 30_000 };

/** What every broker does. */
export function brokerContract(open: () => Promise<Broker>): void {
  const opened: Broker[] = [];
  async function fresh(): Promise<Broker> {
    const broker = await open();
    opened.push(broker);
    return broker;
  }
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((broker) => broker.close()));
  });

  test('brings wake-ups to the consumer of their account, in order', async () => {
    const broker = await fresh();
    const [main, other]: [string[], string[]] = [[], []];
    await broker.consume('main', (id) => main.push(id));
    await broker.consume('other', (id) => other.push(id));
    for (const id of ['a', 'b', 'c']) await broker.wake('main', id);
    await broker.wake('other', 'd');
    await vi.waitFor(() => expect([main, other]).toEqual([['a', 'b', 'c'], ['d']]), WAIT);
  });

  test('keeps wake-ups until somebody consumes them', async () => {
    const broker = await fresh();
    for (const id of ['a', 'b']) await broker.wake('main', id);
    const seen: string[] = [];
    await broker.consume('main', (id) => seen.push(id));
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b']), WAIT);
  });

  test('brings each wake-up to one consumer of several, and to all of them in the long run', async () => {
    const broker = await fresh();
    const seen: [string[], string[]] = [[], []];
    for (const mine of seen) await broker.consume('main', (id) => mine.push(id));
    const ids = Array.from({ length: 20 }, (_, at) => `sync-${at}`);
    for (const id of ids) await broker.wake('main', id);
    await vi.waitFor(() => expect(seen.flat().sort()).toEqual([...ids].sort()), WAIT);
    for (const mine of seen) expect(mine.length).toBeGreaterThan(0);
  });

  test('brings nothing to a consumer that ended, and keeps it for the next', async () => {
    const broker = await fresh();
    const [first, second]: [string[], string[]] = [[], []];
    const end = await broker.consume('main', (id) => first.push(id));
    await broker.wake('main', 'a');
    await vi.waitFor(() => expect(first).toEqual(['a']), WAIT);
    await end();
    await end();
    await broker.wake('main', 'b');
    await broker.consume('main', (id) => second.push(id));
    await vi.waitFor(() => expect(second).toEqual(['b']), WAIT);
    expect(first).toEqual(['a']);
  });

  test('the same job can be woken again after it was brought', async () => {
    const broker = await fresh();
    const seen: string[] = [];
    await broker.consume('main', (id) => seen.push(id));
    await broker.wake('main', 'a');
    await vi.waitFor(() => expect(seen).toEqual(['a']), WAIT);
    await broker.wake('main', 'a');
    await vi.waitFor(() => expect(seen).toEqual(['a', 'a']), WAIT);
  });

  test('a consumer that throws does not keep others from their wake-ups', async () => {
    const broker = await fresh();
    const seen: string[] = [];
    await broker.consume('main', (id) => {
      seen.push(id);
      throw new Error('a defect');
    });
    for (const id of ['a', 'b']) await broker.wake('main', id);
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b']), WAIT);
  });

  test('a wake-up comes after the call that asked for it, never within', async () => {
    const broker = await fresh();
    const order: string[] = [];
    await broker.consume('main', (id) => order.push(id));
    const wake = broker.wake('main', 'brought');
    order.push('asked');
    await wake;
    await vi.waitFor(() => expect(order).toEqual(['asked', 'brought']), WAIT);
  });

  test('a thousand wake-ups at once come in their order, each once', async () => {
    const broker = await fresh();
    const seen: string[] = [];
    await broker.consume('main', (id) => seen.push(id));
    const ids = Array.from({ length: 1_000 }, (_, at) => `sync-${at}`);
    await Promise.all(ids.map((id) => broker.wake('main', id)));
    await vi.waitFor(() => expect(seen).toHaveLength(ids.length), WAIT);
    expect(seen).toEqual(ids);
  });

  test('accounts with several consumers each, who come and go, have each wake-up brought to somebody of theirs', async () => {
    const broker = await fresh();
    const accounts = ['main', 'other'];
    const seen: string[] = [];
    const come = (account: string) => broker.consume(account, (id) => seen.push(`${account} ${id}`));
    const staying = accounts.flatMap((account) => [account, account, account]);
    await Promise.all(staying.map(come));
    const leaving = await Promise.all(staying.map(come));
    const ids = Array.from({ length: 100 }, (_, at) => String(at));
    await Promise.all([
      ...accounts.flatMap((account) => ids.map((id) => broker.wake(account, id))),
      ...leaving.map((leave) => leave()),
    ]);
    const wanted = accounts.flatMap((account) => ids.map((id) => `${account} ${id}`));
    await vi.waitFor(() => expect(new Set(seen)).toEqual(new Set(wanted)), WAIT);
  });

  test('is ready until it is closed', async () => {
    const broker = await fresh();
    expect(broker.isReady()).toBe(true);
    await broker.close();
    expect(broker.isReady()).toBe(false);
  });

  test('once closed it is unavailable and brings nothing', async () => {
    const broker = await fresh();
    const seen: string[] = [];
    await broker.consume('main', (id) => seen.push(id));
    const wake = broker.wake('main', 'a');
    await broker.close();
    await wake;
    const brought = seen.length;
    await expect(broker.wake('main', 'b')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await expect(broker.consume('main', () => {})).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    expect(seen).toHaveLength(brought);
    await broker.close();
  });
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { VigiliaError } from '../../errors.ts';
import type { OpenTransaction, SqlDriver, SqlSession, Work } from './sql-driver.ts';

/**
 * Statements and transactions over a driver, with a pool of one inside a transaction: whoever runs in one and asks the database past its
 * handle is refused at once. On PGlite that call would wait for ever for itself; PostgreSQL refuses it too, so that no test misses it.
 */
export interface Transactions extends SqlSession {
  readonly driver: SqlDriver;
  /** The same session, for statements that may take as long as such work may. */
  for(work: Work): SqlSession;
  /** @throws STORE_REFUSED inside a transaction: what is handed to others to be run would be run past it all the same */
  refuseInside(): void;
  /** Commits when `work` resolves and no statement failed, else rolls back and rejects with the first failure. */
  run<T>(work: (session: SqlSession) => Promise<T>): Promise<T>;
}

/** @returns the guarded way to the driver */
export function createTransactions(driver: SqlDriver): Transactions {
  const inside = new AsyncLocalStorage<{ open: boolean }>();

  function refuseInside(): void {
    if (inside.getStore()?.open === true) {
      throw new VigiliaError('STORE_REFUSED', "inside a transaction only the transaction's own handle may be used");
    }
  }

  const sessionFor = (work: Work): SqlSession => ({
    async query(text, values) {
      refuseInside();
      return driver.query(text, values, work);
    },
    async script(text) {
      refuseInside();
      return driver.script(text);
    },
  });

  return {
    driver,
    for: sessionFor,
    ...sessionFor('write'),
    refuseInside,
    async run(work) {
      refuseInside();
      const transaction = await driver.begin();
      const scope = { open: true };
      const session = new TransactionSession(transaction);
      try {
        const result = await inside.run(scope, () => work(session));
        await session.settle();
        scope.open = false;
        await transaction.commit();
        return result;
      } catch (thrown) {
        scope.open = false;
        await session.end();
        await transaction.rollback();
        throw thrown;
      }
    },
  };
}

/** The handle that work inside a transaction holds: one statement at a time, none after the end. */
class TransactionSession implements SqlSession {
  readonly #transaction: OpenTransaction;
  #tail: Promise<unknown> = Promise.resolve();
  #failure: { readonly thrown: unknown } | undefined;
  #ended = false;

  constructor(transaction: OpenTransaction) {
    this.#transaction = transaction;
  }

  query(text: string, values?: Parameters<SqlSession['query']>[1]): ReturnType<SqlSession['query']> {
    return this.#enqueue(() => this.#transaction.query(text, values));
  }

  script(text: string): Promise<void> {
    return this.#enqueue(() => this.#transaction.script(text));
  }

  /** Waits for statements that nobody awaited. @throws the first failed statement's error, even where it was caught: PostgreSQL would commit nothing */
  async settle(): Promise<void> {
    await this.end();
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#tail;
  }

  #enqueue<T>(statement: () => Promise<T>): Promise<T> {
    if (this.#ended) return Promise.reject(new VigiliaError('STORE_REFUSED', 'the transaction is over'));
    const result = this.#tail.then(() => {
      if (this.#failure !== undefined) throw this.#failure.thrown;
      return statement();
    });
    this.#tail = result.catch((thrown: unknown) => {
      this.#failure ??= { thrown };
    });
    return result;
  }
}

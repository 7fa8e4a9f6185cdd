import { VigiliaError } from '../../errors.ts';
import type { Store, World } from '../../ports.ts';
import { STORE_RETRY_MS } from './sql-fault.ts';

/** A store that nobody gets through to before its database is known to be ours. */
export interface GatedStore extends Store {
  /** Lets nobody through until `prepare` has succeeded anew. */
  shut(reason: string): void;
}

/**
 * Holds every call back but `prepare` and `close` until `prepare` has succeeded: a database that comes up late may belong to another world,
 * or have no tables yet, and nobody may read or write it before that is known. Calls that are held back throw STORE_UNAVAILABLE at once.
 */
export function gateStore(inner: Store): GatedStore {
  let closed: string | undefined = 'it was not prepared yet';
  /** It was ours at least once, and what was taken then may be kept and given back. */
  let wasOpen = false;
  /** Counts what decides about the gate, so that a `prepare` that was overtaken opens nothing. */
  let turn = 0;

  const shut = (reason: string): void => {
    turn += 1;
    closed = reason;
  };

  function gated<A extends readonly unknown[], R>(method: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => {
      if (closed !== undefined) {
        throw new VigiliaError('STORE_UNAVAILABLE', `the database is not ready: ${closed}`, { retryAfterMs: STORE_RETRY_MS });
      }
      return method(...args);
    };
  }

  /**
   * For what touches nothing but a lease that was taken through the gate, under its token: a pool that is too slow for a ping shall not cost the
   * leases, which have a connection of their own.
   */
  function gatedOnce<A extends readonly unknown[], R>(method: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    const before = gated(method);
    return (...args) => (wasOpen ? method(...args) : before(...args));
  }

  return {
    kind: inner.kind,
    waiting: inner.waiting,
    shut,
    async prepare(world: World) {
      shut('it is being prepared');
      const mine = turn;
      try {
        await inner.prepare(world);
      } catch (thrown) {
        if (mine === turn) closed = thrown instanceof Error ? thrown.message : String(thrown);
        throw thrown;
      }
      if (mine !== turn) return;
      closed = undefined;
      wasOpen = true;
    },
    close: () => inner.close(),

    ping: gated(inner.ping),
    proveWrite: gated(inner.proveWrite),
    transaction: (work) => gated(() => inner.transaction(work))(),
    insertJob: gated(inner.insertJob),
    insertJobs: gated(inner.insertJobs),
    findSubmission: gated(inner.findSubmission),
    findJob: gated(inner.findJob),
    listJobs: gated(inner.listJobs),
    countJobsLike: gated(inner.countJobsLike),
    deleteFailed: gated(inner.deleteFailed),
    stepJob: gated(inner.stepJob),
    pickDue: gated(inner.pickDue),
    nextDue: gated(inner.nextDue),
    findLost: gated(inner.findLost),
    findOwn: gated(inner.findOwn),
    findUnended: gated(inner.findUnended),
    findParked: gated(inner.findParked),
    countJobs: gated(inner.countJobs),
    jobEvents: gated(inner.jobEvents),
    prune: gated(inner.prune),
    pruneMessages: gated(inner.pruneMessages),
    takeSequencer: gated(inner.takeSequencer),
    renewSequencer: gated(inner.renewSequencer),
    releaseSequencer: gated(inner.releaseSequencer),
    placeEvents: gated(inner.placeEvents),
    readEvents: gated(inner.readEvents),
    streamState: gated(inner.streamState),
    insertForeignJob: gated(inner.insertForeignJob),
    owedAnswers: gated(inner.owedAnswers),
    noteAnswered: gated(inner.noteAnswered),
    readUnpublished: gated(inner.readUnpublished),
    notePublished: gated(inner.notePublished),
    ensureAccount: gated(inner.ensureAccount),
    makeAccount: gated(inner.makeAccount),
    removeAccount: gated(inner.removeAccount),
    listAccounts: gated(inner.listAccounts),
    takeAccount: gated(inner.takeAccount),
    takeLease: gated(inner.takeLease),
    renewLeases: gatedOnce(inner.renewLeases),
    releaseLease: gatedOnce(inner.releaseLease),
    raiseToken: gated(inner.raiseToken),
    leases: gated(inner.leases),
    checkInWorker: gated(inner.checkInWorker),
    accountsKnowing: gated(inner.accountsKnowing),
    bindUser: gated(inner.bindUser),
    entities: gated(inner.entities),
    positions: gated(inner.positions),
    unfollowed: gated(inner.unfollowed),
    unfollowing: gated(inner.unfollowing),
    setFollowed: gated(inner.setFollowed),
    openLoginDesk: gated(inner.openLoginDesk),
    loginDeskOf: gated(inner.loginDeskOf),
    askLogin: gated(inner.askLogin),
    takeLoginQuestions: gated(inner.takeLoginQuestions),
    answerLogin: gated(inner.answerLogin),
    takeLoginAnswer: gated(inner.takeLoginAnswer),
    beatProcess: gated(inner.beatProcess),
    wantedViews: gated(inner.wantedViews),
    writeViews: gated(inner.writeViews),
    leaveProcesses: gated(inner.leaveProcesses),
    processes: gated(inner.processes),
    lookAt: gated(inner.lookAt),
    askAct: gated(inner.askAct),
    takeActs: gated(inner.takeActs),
    findAct: gated(inner.findAct),
    listActs: gated(inner.listActs),
    sessionAccounts: gated(inner.sessionAccounts),
    sessionGenerations: gated(inner.sessionGenerations),
    addSession: gated(inner.addSession),
    resealSession: gated(inner.resealSession),
    dropSessions: gated(inner.dropSessions),
    findChannel: gated(inner.findChannel),
    listChannels: gated(inner.listChannels),
    readMessages: gated(inner.readMessages),
    searchMessages: gated(inner.searchMessages),
    countMessages: gated(inner.countMessages),
    messagesPerHour: gated(inner.messagesPerHour),
  };
}

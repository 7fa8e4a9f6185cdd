import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Job, Store, StoreTransaction } from '../../ports.ts';
import * as accounts from './account-rows.ts';
import * as acts from './act-rows.ts';
import * as channels from './channel-rows.ts';
import * as foreign from './foreign-rows.ts';
import * as submissions from './job-inserts.ts';
import * as lists from './job-lists.ts';
import * as queue from './job-queue.ts';
import * as jobs from './job-rows.ts';
import { type JobDecision, JobSteps } from './job-steps.ts';
import * as leases from './lease-rows.ts';
import * as logins from './login-rows.ts';
import * as hours from './message-hours.ts';
import * as messages from './message-rows.ts';
import { searchMessages } from './message-search.ts';
import { migrate, readMigrations, SQL_FOLDER } from './migrations.ts';
import { appendOutbox } from './outbox-rows.ts';
import * as processes from './process-rows.ts';
import * as sessions from './session-rows.ts';
import type { SqlDriver, SqlSession } from './sql-driver.ts';
import * as stream from './stream-rows.ts';
import { createTransactions } from './transactions.ts';
import * as updates from './update-rows.ts';
import { proveWrite } from './write-proof.ts';

/** What a store works with. */
export interface SqlStoreParts {
  readonly driver: SqlDriver;
  /** What leases are taken, renewed and given back on, so that they wait for nobody. @default the driver itself */
  readonly leaseDriver?: SqlDriver;
  /** Opens the connection that migrations run on; it is closed after them. @default the driver itself */
  readonly openMigrationDriver?: () => SqlDriver;
  /** Folder of the numbered SQL files. @default the program's own */
  readonly sqlFolder?: URL;
  readonly clock: Clock;
  readonly log: Log;
}

/** Told where it went well: a pooler that cuts long statements off would let a large one fail, and keep failing. */
const POOLED_MIGRATION =
  'the schema was brought up to date through a pooler (PgBouncer); set DATABASE_DIRECT_URL to the server itself: a migration that takes longer than the pooler allows can never end';

/** The {@link Store} over a driver: which statements make up each of its methods, and in which transaction. */
export function createSqlStore(parts: SqlStoreParts): Store {
  const { driver, clock, log } = parts;
  const database = createTransactions(driver);
  const reading = database.for('read');
  const leaseDesk = parts.leaseDriver === undefined ? database : createTransactions(parts.leaseDriver);

  /** Runs work with a handle on the session, and waits for the calls on it that the work did not wait for: half of one must not commit. */
  async function withHandle<T>(session: SqlSession, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const calls: Promise<unknown>[] = [];
    function call<R>(result: Promise<R>): Promise<R> {
      calls.push(result);
      return result;
    }
    const result = await work({
      upsertMessages: (scope, batch) => call(messages.upsertMessages(session, scope, batch)),
      deleteMessages: (scope, chatId, ids, atMs) => call(messages.deleteMessages(session, scope, chatId, ids, atMs)),
      replaceRange: (scope, chatId, range, batch, atMs) =>
        call(messages.replaceRange(session, scope, chatId, range, batch, atMs)),
      deletePrivate: (scope, ids, atMs) => call(updates.deletePrivate(session, scope, ids, atMs)),
      deleteAbsent: (scope, chatId, range, present, atMs) =>
        call(updates.deleteAbsent(session, scope, chatId, range, present, atMs)),
      pinMessages: (scope, chatId, ids, pinned, pts) => call(updates.pinMessages(session, scope, chatId, ids, pinned, pts)),
      countViews: (counts) => call(updates.countViews(session, counts)),
      upsertChannels: (batch) => call(channels.upsertChannels(session, batch)),
      markSynced: (chatId, atMs, depth, complete) =>
        call(messages.deleteUnseen(session, chatId).then(() => channels.markSynced(session, chatId, atMs, depth, complete))),
      upsertEntities: (accountId, entities) => call(accounts.upsertEntities(session, accountId, entities)),
      savePosition: (accountId, position, anew) => call(accounts.savePosition(session, accountId, position, anew)),
      appendOutbox: (entries) => call(appendOutbox(session, entries, clock.now())),
      saveActs: (given) => call(acts.saveActs(session, given)),
      expireAct: (id, nowMs) => call(acts.expireAct(session, id, nowMs)),
      giveUpActs: (process, inHand, nowMs) => call(acts.giveUpActs(session, process, inHand, nowMs)),
      expireForsakenActs: () => call(acts.expireForsakenActs(session)),
    });
    await Promise.allSettled(calls);
    return result;
  }

  /** A step in a transaction of its own, which waits for whoever holds the row. */
  async function stepAlone(
    id: string,
    decide: JobDecision,
    readFencing: boolean,
    effect?: (tx: StoreTransaction, job: Job) => Promise<void>,
  ): Promise<Job | undefined> {
    const stepped = await database.run(async (session) => {
      const seen = await jobs.lockJob(session, id, readFencing);
      if (seen === undefined) return undefined;
      const change = decide(seen.job, { fencingToken: seen.fencingToken });
      if (change === undefined) return seen.job;
      const next = (await jobs.writeSteps(session, [{ ...seen, change }], clock.now())).get(id);
      if (next !== undefined && effect !== undefined) await withHandle(session, (tx) => effect(tx, next));
      return next;
    });
    if (stepped !== undefined) steps.remember(stepped);
    return stepped;
  }

  const steps = new JobSteps(database, clock, stepAlone);

  return {
    kind: driver.kind,
    waiting: () => driver.waiting + (parts.leaseDriver?.waiting ?? 0),

    async prepare(world) {
      const migrations = await readMigrations(parts.sqlFolder ?? SQL_FOLDER);
      const own = parts.openMigrationDriver?.() ?? driver;
      try {
        const applied = await migrate(own === driver ? database : createTransactions(own), migrations, world);
        if (applied > 0) {
          log.info({ applied, version: migrations.length, store: driver.kind }, 'database schema brought up to date');
          if (await own.isPooled()) log.warn({}, POOLED_MIGRATION);
        }
      } finally {
        if (own !== driver) await own.close();
      }
    },
    async ping() {
      const start = clock.monotonic();
      await database.for('ping').query('SELECT 1');
      return clock.monotonic() - start;
    },
    proveWrite: () => database.run(proveWrite),
    close: async () => {
      await Promise.all([driver.close(), parts.leaseDriver?.close()]);
    },

    transaction: (work) => database.run((session) => withHandle(session, work)),

    insertJob: (job) => jobs.insertJob(database, job),
    insertJobs: (batch) => submissions.insertJobs(database, batch),
    findSubmission: (key, nowMs) => submissions.findSubmission(reading, key, nowMs),
    findJob: (id) => jobs.findJob(reading, id),
    listJobs: (query) => lists.listJobs(reading, query),
    countJobsLike: (filter, most) => lists.countJobsLike(reading, filter, most),
    deleteFailed: (filter, limit) => lists.deleteFailed(database, filter, limit),
    stepJob: (id, decide, effect, { readFencing = false } = {}) =>
      effect === undefined ? steps.step(id, decide, readFencing) : stepAlone(id, decide, readFencing, effect),
    pickDue: (accountIds, nowMs, limit, perAccount) => queue.pickDue(database, accountIds, nowMs, limit, perAccount),
    nextDue: (accountIds, nowMs) => queue.nextDue(reading, accountIds, nowMs),
    findLost: (accountIds) => queue.findLost(reading, accountIds),
    findOwn: (accountId, token) => queue.findOwn(reading, accountId, token),
    findUnended: (accountId, limit) => queue.findUnended(reading, accountId, limit),
    findParked: (accountId) => queue.findParked(reading, accountId),
    countJobs: () => queue.countJobs(reading),
    jobEvents: (id, page) => jobs.jobEvents(reading, id, page),
    prune: (nowMs, maxRows) => queue.prune(database.for('upkeep'), nowMs, maxRows),
    pruneMessages: (beforeMs, maxRows) => hours.pruneMessages(database.for('upkeep'), beforeMs, maxRows),

    takeSequencer: (owner, leaseMs) => stream.takeSequencer(database, owner, leaseMs),
    renewSequencer: (owner, token, leaseMs) => stream.renewSequencer(database, owner, token, leaseMs),
    releaseSequencer: (owner, token) => stream.releaseSequencer(database, owner, token),
    placeEvents: (owner, token, most, leaseMs) => stream.placeEvents(database, owner, token, most, leaseMs),
    readEvents: (after, limit) => stream.readEvents(reading, after, limit),
    streamState: () => stream.streamState(reading),

    insertForeignJob: (job, request) => foreign.insertForeignJob(database, job, request),
    owedAnswers: (hold, limit) => foreign.owedAnswers(reading, hold, limit),
    noteAnswered: (jobIds, nowMs) => foreign.noteAnswered(database, jobIds, nowMs),
    readUnpublished: (hold, limit) => foreign.readUnpublished(database, hold, limit),
    notePublished: (position) => foreign.notePublished(database, position),

    ensureAccount: (accountId) => accounts.ensureAccount(database, accountId),
    makeAccount: (accountId) => accounts.makeAccount(database, accountId),
    removeAccount: (accountId) => accounts.removeAccount(database, accountId),
    listAccounts: () => accounts.listAccounts(reading),
    takeAccount: (accountId, owner) => database.run((session) => leases.takeAccount(session, accountId, owner)),
    takeLease: (accountId, owner, home) => leaseDesk.run((session) => leases.takeLease(session, accountId, owner, home)),
    renewLeases: (owner, renewals, homes) => leases.renewLeases(leaseDesk, owner, renewals, homes),
    releaseLease: (accountId, owner, token) => leases.releaseLease(leaseDesk, accountId, owner, token),
    raiseToken: (accountId, owner, leaseToken) =>
      database.run((session) => leases.raiseToken(session, accountId, owner, leaseToken)),
    leases: () => leases.readLeases(reading),
    checkInWorker: (worker, forMs) => leases.checkInWorker(database, worker, forMs),
    accountsKnowing: (ref) => accounts.accountsKnowing(reading, ref),
    bindUser: (accountId, userId) => accounts.bindUser(database, accountId, userId),
    entities: (accountId) => accounts.readEntities(reading, accountId),
    positions: (accountId) => accounts.readPositions(reading, accountId),
    unfollowed: (accountId) => updates.readUnfollowed(reading, accountId),
    unfollowing: (accountIds, chatId) => updates.readUnfollowing(reading, accountIds, chatId),
    setFollowed: (accountIds, chatId, followed) => updates.setFollowed(database, accountIds, chatId, followed),

    openLoginDesk: (worker, publicKey) => logins.openLoginDesk(database, worker, publicKey),
    loginDeskOf: (accountId) => logins.loginDeskOf(reading, accountId),
    askLogin: (errand) => logins.askLogin(database, errand),
    takeLoginQuestions: (worker) => logins.takeLoginQuestions(database, worker),
    answerLogin: (id, answer) => logins.answerLogin(database, id, answer),
    takeLoginAnswer: (id) => logins.takeLoginAnswer(database, id),

    beatProcess: (beat, isFirst) => processes.beatProcess(database, beat, isFirst),
    wantedViews: (processId) => processes.wantedViews(reading, processId),
    writeViews: (processId, views) => processes.writeViews(database, processId, views),
    leaveProcesses: (processId, pid) => processes.leaveProcesses(database, processId, pid),
    processes: () => processes.readProcesses(reading),
    lookAt: (processId, path, known, forMs) => processes.lookAt(reading, processId, path, known, forMs),

    askAct: (act, forMs) => acts.askAct(database, act, forMs),
    takeActs: (process) => acts.takeActs(database, process),
    findAct: (id) => acts.findAct(reading, id),
    listActs: (query) => acts.listActs(reading, query),

    sessionAccounts: () => sessions.sessionAccounts(reading),
    sessionGenerations: (accountId) => sessions.sessionGenerations(reading, accountId),
    addSession: (accountId, sealed, token) => database.run((session) => sessions.addSession(session, accountId, sealed, token)),
    resealSession: (accountId, before, envelope) => sessions.resealSession(database, accountId, before, envelope),
    dropSessions: (accountId, generations) => sessions.dropSessions(database, accountId, generations),

    findChannel: (ref) => channels.findChannel(reading, ref),
    listChannels: (limit, after, accountId) => channels.listChannels(reading, limit, after, accountId),
    readMessages: (query) => messages.readMessages(reading, query),
    searchMessages: (query) => searchMessages(reading, query),
    countMessages: (chatId) => messages.countMessages(reading, chatId),
    messagesPerHour: (query) => hours.messagesPerHour(reading, query),
  };
}

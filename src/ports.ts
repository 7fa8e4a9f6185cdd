import type { ErrorRecord } from './errors.ts';

/** A value that survives JSON unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

// ── Telegram's things, as we keep them ──────────────────────────────────────────────────────────────────────────────

/**
 * A chat's marked id, as Telegram's Bot API writes it: users positive, basic groups negative,
 * channels and supergroups `-(1_000_000_000_000 + id)`. Always a safe integer.
 */
export type ChatId = number;

/** The names of Telegram's Bot API for formatted parts of a text (https://core.telegram.org/bots/api#messageentity). */
export const ENTITY_TYPES = [
  'bold',
  'italic',
  'underline',
  'strikethrough',
  'spoiler',
  'code',
  'pre',
  'blockquote',
  'expandable_blockquote',
  'url',
  'text_link',
  'mention',
  'text_mention',
  'hashtag',
  'cashtag',
  'bot_command',
  'email',
  'phone_number',
  'bank_card',
  'custom_emoji',
  'unknown',
] as const;
export type EntityType = (typeof ENTITY_TYPES)[number];

/** One formatted part of a text. Offset and length count UTF-16 code units, as in Telegram and in JavaScript. */
export interface TextEntity {
  readonly type: EntityType;
  readonly offset: number;
  readonly length: number;
  /** Of a `text_link`. */
  readonly url?: string;
  /** Of a `pre`. */
  readonly language?: string;
  /** Of a `text_mention`: the user's id. */
  readonly userId?: number;
  /** Of a `custom_emoji`: the document's id (an int64, so a string). */
  readonly customEmojiId?: string;
}

/** A message as the store keeps it. Dates are seconds since the Unix epoch, as in MTProto. */
export interface Message {
  readonly chatId: ChatId;
  readonly id: number;
  readonly date: number;
  readonly editDate: number | null;
  /** The channel's pts with which this version arrived; 0 when it came from history. */
  readonly pts: number;
  readonly kind: 'message' | 'service';
  readonly text: string;
  readonly entities: readonly TextEntity[];
  /** Marked id of the sender, where there is one. */
  readonly fromId: ChatId | null;
  readonly replyToId: number | null;
  readonly views: number | null;
  /** What is attached: TL's class without its prefix (`Photo`, `Document`, `Poll` …), null when nothing is. */
  readonly media: string | null;
  /** Every other field of the TL object, as JSON (`_` names the class, int64 as strings, bytes as base64). */
  readonly raw: JsonObject;
}

/** A channel or supergroup as the store keeps it. */
export interface Channel {
  readonly chatId: ChatId;
  /** Without `@`, in the spelling Telegram gives; null for private ones. */
  readonly username: string | null;
  readonly title: string;
  readonly kind: 'channel' | 'supergroup';
  readonly about: string | null;
  readonly participants: number | null;
}

/** A channel with what the store knows of its messages. */
export interface StoredChannel extends Channel {
  /** Grows with every change of the channel, of its messages, and with every `markSynced`, so that a window of a later state always replaces an earlier one. */
  readonly revision: number;
  /** When the newest messages were last read from Telegram, ms since epoch; null when never. */
  readonly syncedAt: number | null;
  /** How many of the newest messages were read then, without a hole. */
  readonly syncedDepth: number;
  /** True when that reading reached the channel's first message. */
  readonly complete: boolean;
}

/** A channel as of a revision. */
export type ChannelRevision = Pick<StoredChannel, 'chatId' | 'revision'>;

/** How a person names a channel. */
export type ChannelRef =
  | { readonly kind: 'id'; readonly chatId: ChatId }
  | { readonly kind: 'username'; readonly username: string };

/** A peer's access hash, which belongs to one account (https://core.telegram.org/api/peers#access-hash). */
export interface PeerEntity {
  readonly peerId: ChatId;
  /** An int64, so a decimal string. */
  readonly accessHash: string;
  readonly username: string | null;
}

/** Where an account, or a channel of it, stands in Telegram's stream of updates. */
export interface Position {
  /** `account`, or `channel:<chatId>`. */
  readonly box: string;
  readonly pts: number;
  readonly qts: number;
  readonly date: number;
  readonly seq: number;
}

// ── Jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The states of `job.machine`. */
export const JOB_STATUSES = ['queued', 'processing', 'delayed', 'parked', 'completed', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Who may commit work on a job: the account's fencing token, and the number of this claim among the job's claims. */
export interface Claim {
  readonly token: number;
  readonly number: number;
}

/** A job's row. Times are ms since the Unix epoch. */
export interface Job {
  readonly id: string;
  readonly action: string;
  readonly params: JsonObject;
  readonly accountId: string;
  readonly status: JobStatus;
  /** 1 (first) to 10. */
  readonly priority: number;
  /** Runs that ended: in success, or in a failure that counts. Flood waits and lost workers do not. */
  readonly attempts: number;
  /** Times a worker took it. */
  readonly claims: number;
  /** Claims in a row whose owner was lost before it committed anything. */
  readonly lostInARow: number;
  readonly claim: Claim | null;
  /** When it may run (queued, delayed); null when it does not wait for a time. */
  readonly dueAt: number | null;
  /** What is shown of how far it is. */
  readonly progress: JobProgress | null;
  /** What the action needs to go on where it stopped; never shown. */
  readonly checkpoint: JsonObject | null;
  readonly result: JsonObject | null;
  /** The failure that ended it, or that it waits after. */
  readonly error: ErrorRecord | null;
  /** Why it is delayed or parked, for people. */
  readonly reason: string | null;
  readonly cancelRequested: boolean;
  /** Version of `job.machine` that last stepped the row. */
  readonly machineVersion: number;
  /** Counts the row's steps. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
}

/** How far a job is, counted in whatever the action moves. */
export interface JobProgress {
  readonly done: number;
  /** How many there will be, where that is known. */
  readonly total: number | null;
}

/** A job before it has a row. */
export interface NewJob {
  readonly id: string;
  readonly action: string;
  readonly params: JsonObject;
  readonly accountId: string;
  readonly priority: number;
  readonly machineVersion: number;
  /** ms since epoch. */
  readonly createdAt: number;
}

/** One line of a job's history, appended in the transaction of the step it tells of. */
export interface JobEvent {
  readonly event: string;
  readonly from: JobStatus;
  readonly to: JobStatus;
  readonly detail: JsonObject;
}

/** What one step of the job machine does to a row. Absent fields stay as they are. */
export interface JobChange {
  readonly set: Partial<Omit<Job, 'id' | 'action' | 'params' | 'accountId' | 'version' | 'createdAt' | 'updatedAt'>>;
  readonly events: readonly JobEvent[];
  readonly outbox: readonly OutboxEntry[];
}

/** Something the world shall hear of, written in the transaction that made it true. */
export interface OutboxEntry {
  /** Dotted topic, e.g. `job.completed` or `message.new.-1001032086354`. */
  readonly topic: string;
  readonly payload: JsonObject;
}

// ── The store ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which Telegram a database belongs to: the real one, or a server with this key. */
export interface World {
  readonly kind: 'telegram' | 'simulator' | 'server';
  /** `telegram`, or the fingerprint of the server's public key. */
  readonly id: string;
}

/** What a batch of messages did. */
export interface UpsertCount {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
}

/** What may be written together with a step of a job, or with a batch of updates: one transaction, all or nothing. */
export interface StoreTransaction {
  /**
   * Writes messages in one statement (`unnest`, `ON CONFLICT`). The newer version wins, by (edit date, pts); deleted is terminal.
   * @param scope 0 for channels, else the account's number
   */
  upsertMessages(scope: number, messages: readonly Message[]): Promise<UpsertCount>;
  /** Marks messages as deleted; ids that are not stored are ignored. @returns the ids that were not deleted before, ascending */
  deleteMessages(scope: number, chatId: ChatId, ids: readonly number[], deletedAtMs: number): Promise<number[]>;
  /**
   * Marks as deleted what is stored of a range of ids (both ends in it) and is not among the present ones: what was deleted while nobody listened.
   * @returns the ids that were not deleted before, ascending
   */
  deleteAbsent(
    scope: number,
    chatId: ChatId,
    range: { readonly from: number; readonly to: number },
    presentIds: readonly number[],
    deletedAtMs: number,
  ): Promise<number[]>;
  /**
   * Inserts channels or renews what is known of them; an absent (null) `about` or `participants` keeps what was stored.
   * A username that another channel held is taken from it. The revision grows of each channel of which something really changed.
   * @returns the stored channels that changed, also those that lost their username: their windows are to be forgotten after the commit
   */
  upsertChannels(channels: readonly Channel[]): Promise<ChannelRevision[]>;
  /** Says how many of a channel's newest messages are stored without a hole. @throws CHANNEL_NOT_FOUND when the channel has no row */
  markSynced(chatId: ChatId, syncedAtMs: number, depth: number, complete: boolean): Promise<void>;
  upsertEntities(accountId: string, entities: readonly PeerEntity[]): Promise<void>;
  /**
   * Moves a box's position on, never back: one with a lower pts than what is stored changes nothing, and neither does one with the same pts
   * that is not ahead by its qts, then its seq, then its date.
   */
  savePosition(accountId: string, position: Position): Promise<void>;
  appendOutbox(entries: readonly OutboxEntry[]): Promise<void>;
}

/** Which messages to read. `before` and `after` are exclusive message ids; with `after`, the ones nearest to it. */
export interface MessageQuery {
  readonly chatId: ChatId;
  readonly before?: number;
  readonly after?: number;
  readonly limit: number;
  /** Case-insensitive part of the text. */
  readonly search?: string;
}

/** A job that shall be looked at, and whose consumer has to be told. */
export interface DueJob {
  readonly id: string;
  readonly accountId: string;
}

/** What a step of a job may know of the job's account. */
export interface AccountAtStep {
  /** Its fencing token, 0 before anybody took it; undefined where the step did not ask for it. */
  readonly fencingToken: number | undefined;
}

/** Counts by status. */
export type JobCounts = Readonly<Record<JobStatus, number>>;

/**
 * The truth. Every method throws `STORE_UNAVAILABLE` when the database cannot be reached or answers too late.
 */
export interface Store {
  readonly kind: 'pglite' | 'postgresql';

  /**
   * Brings the schema up to date under a lock and stamps the database with its world.
   * @throws FOREIGN_DATABASE when it is stamped with another one, SCHEMA_TOO_NEW when a newer version wrote it
   */
  prepare(world: World): Promise<void>;
  /** One round trip. @returns how long it took, in ms */
  ping(): Promise<number>;
  close(): Promise<void>;

  /** Runs `work` in one transaction; it commits when `work` resolves and rolls back when it rejects. */
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>;

  /** Stores a job with its first event, in one statement. The same id again changes nothing. @returns the stored row */
  insertJob(job: NewJob): Promise<Job>;
  findJob(id: string): Promise<Job | undefined>;
  /**
   * One step: locks the row, lets `decide` say what changes, writes row, events and outbox, and runs `effect` in the same transaction.
   * @param decide pure; undefined leaves the row alone (and `effect` is not run); what it throws rolls back and is rethrown
   * @param options with `readFencing`, `decide` is told the fencing token of the job's account, and nobody takes the account before the step
   *   is committed or rolled back: a claim that compares the two is either made under the present token, or refused
   * @returns the row after the step, the row as it is when `decide` returned undefined, or undefined when there is none
   */
  stepJob(
    id: string,
    decide: (job: Job, account: AccountAtStep) => JobChange | undefined,
    effect?: (tx: StoreTransaction, job: Job) => Promise<void>,
    options?: { readonly readFencing?: true },
  ): Promise<Job | undefined>;
  /**
   * Picks due jobs (queued, or delayed whose time has come) of the accounts for a wake-up, lowest priority number first aged by waiting time
   * (by one step a minute, evenly), then oldest due, and notes that they were woken: a job is picked again only after a growing interval
   * (1 s, doubling, to 60 s), which starts anew with the job's next step.
   */
  pickDue(accountIds: readonly string[], nowMs: number, limit: number): Promise<DueJob[]>;
  /** The earliest time after `nowMs` at which a waiting job of the accounts becomes due or may be woken again; undefined when there is none. */
  nextDue(accountIds: readonly string[], nowMs: number): Promise<number | undefined>;
  /** Ids of jobs in `processing` whose claim's token is older than the account's token, of these accounts. */
  findLost(accountIds: readonly string[]): Promise<string[]>;
  /** Ids of jobs in `processing` that were claimed under just this token of the account, longest untouched first. */
  findOwn(accountId: string, token: number): Promise<string[]>;
  /** Ids of parked jobs of an account. */
  findParked(accountId: string): Promise<string[]>;
  countJobs(): Promise<JobCounts>;
  jobEvents(id: string): Promise<(JobEvent & { readonly at: number })[]>;
  /**
   * Deletes a part of what is old: jobs that completed more than 7 days ago or ended otherwise more than 30 days ago, after their history,
   * and outbox rows older than 7 days.
   * @param maxRows rows to delete at most, lines of history among them
   * @returns rows deleted; there may be more when it is `maxRows`
   */
  prune(nowMs: number, maxRows: number): Promise<number>;

  /** Makes sure the account has a row. @returns its number, the scope of its private chats */
  ensureAccount(accountId: string): Promise<number>;
  listAccounts(): Promise<string[]>;
  /** Takes an account for this process: its fencing token grows by one, so that older claims are lost. @returns the new token @throws UNKNOWN_ACCOUNT */
  takeAccount(accountId: string, owner: string): Promise<number>;
  entities(accountId: string): Promise<PeerEntity[]>;
  positions(accountId: string): Promise<Position[]>;

  findChannel(ref: ChannelRef): Promise<StoredChannel | undefined>;
  /** By title, then id; `after` is the chat id of the last one of the page before. */
  listChannels(limit: number, after?: ChatId): Promise<StoredChannel[]>;
  /** Newest first; deleted ones left out. */
  readMessages(query: MessageQuery): Promise<Message[]>;
  countMessages(chatId: ChatId): Promise<number>;
}

// ── Broker and cache ────────────────────────────────────────────────────────────────────────────────────────────────

/** Moves wake-ups. A lost one costs time, never a job: the rows say what is due. */
export interface Broker {
  readonly kind: 'in-process' | 'rabbitmq';
  /** Asks whoever consumes the account to look at the job. Resolves once the broker holds it. */
  wake(accountId: string, jobId: string): Promise<void>;
  /** Receives an account's wake-ups, one call a wake-up, until the returned function is called. */
  consume(accountId: string, onWake: (jobId: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** The newest messages of a channel, without a hole, newest first. */
export interface Window {
  readonly channel: StoredChannel;
  readonly messages: readonly Message[];
  /** True when it reaches the channel's first message. */
  readonly complete: boolean;
}

/** Speeds reads up; may forget anything at any time. */
export interface Cache {
  readonly kind: 'in-process' | 'none' | 'redis';
  window(ref: ChannelRef): Promise<Window | undefined>;
  /** Kept only when its channel's revision is newer than what is held. */
  putWindow(window: Window): Promise<void>;
  /** Forgets a channel's window unless it is of this revision or newer. */
  dropWindow(chatId: ChatId, revision: number): Promise<void>;
  close(): Promise<void>;
}

// ── Telegram ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A page of history, newest first. */
export interface HistoryPage {
  readonly messages: readonly Message[];
  /** Id of the page's last entry, to go on from; null when there is nothing older. A page may have entries and no message. */
  readonly oldestId: number | null;
  /** How many messages the channel has, as the server counts them. */
  readonly total: number;
  /** The channel's pts, where the answer carried it. */
  readonly pts: number | null;
}

/** A channel together with what is needed to address it. */
export interface ResolvedChannel {
  readonly channel: Channel;
  readonly entity: PeerEntity;
}

/** A channel in the account's list of chats. */
export interface Dialog extends ResolvedChannel {
  /** Where its stream of updates stands; null where Telegram did not say. */
  readonly pts: number | null;
}

/** One thing that happened at Telegram, out of the update containers. */
export type TelegramUpdate =
  | {
      readonly type: 'message';
      readonly message: Message;
      readonly edited: boolean;
      readonly pts: number;
      readonly ptsCount: number;
    }
  | {
      readonly type: 'deleted';
      readonly chatId: ChatId;
      readonly ids: readonly number[];
      readonly pts: number;
      readonly ptsCount: number;
    }
  /** Where a channel stands, as its dialog says it: nothing happened, but something may have been missed. */
  | { readonly type: 'position'; readonly chatId: ChatId; readonly pts: number }
  | { readonly type: 'too-long'; readonly chatId: ChatId | null }
  | { readonly type: 'other'; readonly name: string };

/** What a link tells its owner, in the order it happened. */
export interface LinkEvents {
  /** The transport is gone or unusable; told once. */
  onDown(error: unknown): void;
  onUpdates(updates: readonly TelegramUpdate[], channels: readonly ResolvedChannel[]): void;
}

/** What the calls of an account's jobs need. Every call has a deadline and throws a VigiliaError. */
export interface TelegramCalls {
  /** @throws CHANNEL_NOT_FOUND */
  resolve(ref: ChannelRef): Promise<ResolvedChannel>;
  fullChannel(chatId: ChatId): Promise<ResolvedChannel>;
  /** All channels and supergroups of the account's dialogs. */
  dialogs(): Promise<Dialog[]>;
  /** Up to 100 messages older than `offsetId` (0: from the newest). */
  history(chatId: ChatId, offsetId: number, limit: number): Promise<HistoryPage>;
}

/** One connection to Telegram: one generation, never reused after it went down. */
export interface TelegramLink extends TelegramCalls {
  /** Opens the transport, makes or resumes the auth key. @throws TELEGRAM_TIMEOUT, TELEGRAM_TRANSIENT, … */
  connect(): Promise<void>;
  /** Confirms that the session is logged in (`updates.getState`). @throws TELEGRAM_REAUTH when it is not */
  state(): Promise<Position>;
  /** One ping that also asks the server to close a dead socket after 40 s. */
  ping(): Promise<void>;
  /** @returns the hash that belongs to the code */
  sendCode(phone: string): Promise<string>;
  signIn(phone: string, codeHash: string, code: string): Promise<void>;
  /** The session to keep: a secret. */
  session(): string;
  /** Ends the link; never rejects, and nothing is told afterwards. */
  close(): Promise<void>;
}

/** Opens links; one implementation knows the client library. */
export interface Telegram {
  /**
   * @param session what an earlier link's `session()` gave, or an empty string
   * @param entities the account's access hashes as stored
   */
  open(session: string, entities: readonly PeerEntity[], events: LinkEvents): TelegramLink;
}

// ── What the HTTP floor asks ────────────────────────────────────────────────────────────────────────────────────────

/** A job as it is asked for. */
export interface JobRequest {
  readonly action: string;
  readonly params: JsonObject;
  /** Without it, one is chosen. */
  readonly accountId?: string;
}

/** Where jobs come in. */
export interface Intake {
  /**
   * Stores a job; once it resolves, the job is never lost.
   * @throws STORE_UNAVAILABLE, UNKNOWN_ACTION, UNKNOWN_ACCOUNT
   */
  submit(request: JobRequest): Promise<Job>;
  /** @throws UNKNOWN_ACCOUNT when there is no such account, STORE_UNAVAILABLE */
  checkAccount(accountId: string): Promise<void>;
}

/** An actor as it is at this moment, with those below it. */
export interface ActorNode {
  /** Names from the root down, joined by `/`, e.g. `root/accounts/main/connection`. */
  readonly path: string;
  /** What it is: `supervisor`, `connection`, `dispatcher` … */
  readonly kind: string;
  /** Its machine's state; nested states joined by `.`. */
  readonly state: string;
  /** When it entered the state, ms since the Unix epoch. */
  readonly since: number;
  readonly restarts: number;
  /** Why it ended the last time, outermost cause first; absent when it never did. */
  readonly lastExit?: { readonly at: number; readonly reason: string; readonly causes: readonly string[] };
  /** What of its context may be shown, by allow-list: never a secret. */
  readonly context?: JsonObject;
  /** In the order in which they start. */
  readonly children: readonly ActorNode[];
}

/** The actor system as others may see it. */
export interface ActorSystemView {
  tree(): ActorNode;
  /** @param path as in {@link ActorNode} */
  find(path: string): ActorNode | undefined;
}

/** How an account's connection is, with the evidence. Ages are ms; null when there was none yet. */
export interface AccountHealth {
  readonly id: string;
  /** A state of `connection.machine`, or `unknown` where the worker has not been heard of lately. */
  readonly state: string;
  /** ms since the Unix epoch. */
  readonly since: number;
  readonly lastPongAgeMs: number | null;
  readonly lastRpcAgeMs: number | null;
  readonly lastUpdateAgeMs: number | null;
  /** Known gaps in what was received that are not filled yet. */
  readonly gaps: number;
  readonly reason?: string;
}

/** How a server or process that we depend on is, with whatever evidence there is of it. */
export interface DependencyHealth {
  readonly kind: string;
  readonly state: string;
  /** ms since the Unix epoch. */
  readonly since: number;
  readonly [evidence: string]: Json;
}

/** What can be served at this moment. */
export interface HealthReport {
  /** `ok`: every account is authenticated, with a pong younger than 75 s; `degraded`: some are; `down`: none is. */
  readonly status: 'ok' | 'degraded' | 'down';
  /** True when what answers as Telegram is not Telegram. */
  readonly simulated: boolean;
  readonly world: World;
  readonly role: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly accounts: readonly AccountHealth[];
  readonly dependencies: {
    readonly store: DependencyHealth;
    readonly broker: DependencyHealth;
    readonly cache: DependencyHealth;
    /** Only where this process runs one. */
    readonly simulator?: DependencyHealth;
  };
  /** What people should know: what is not watched yet, what is simulated. */
  readonly notes: readonly string[];
}

import type { ErrorCode, ErrorRecord } from './errors.ts';
import type { ActEnd, EventTopic } from './event-topics.ts';

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

/** By what somebody calls a request of his own, so that one that is sent again is known as the same. */
export interface RequestKey {
  /** The same for the same caller, route and key, for 24 hours. None of them can be read from it. */
  readonly slot: string;
  /** The same where the same is asked for. */
  readonly digest: string;
}

/** A job that shall be stored, with the key of its request where it has one. */
export interface JobSubmission {
  readonly job: NewJob;
  readonly key?: RequestKey;
}

/** What became of a submission. */
export type SubmissionOutcome =
  /** `replayed`: the request was stored before, as this job. */
  | { readonly kind: 'stored' | 'replayed'; readonly jobId: string }
  /** `key-reused`: its key is that of another request; `account-removed`: its account is not served any more. */
  | { readonly kind: 'key-reused' | 'account-removed' };

/** Which jobs. All that is given has to fit; times are ms since the Unix epoch, the first included, the second not. */
export interface JobFilter {
  readonly id?: string;
  readonly statuses?: readonly JobStatus[];
  readonly action?: string;
  readonly accountId?: string;
  /** What its channel may be called: a job knows it as its request did. Upper and lower case are the same. */
  readonly channels?: readonly string[];
  /** Of the error that it ended with or waits after. */
  readonly code?: string;
  /** A part of its error, its reason or its parameters, upper or lower case. */
  readonly text?: string;
  readonly created?: { readonly from?: number; readonly to?: number };
  readonly ended?: { readonly from?: number; readonly to?: number };
  /** Only those whose account was not removed. */
  readonly servable?: true;
}

/** A page of jobs. */
export interface JobQuery extends JobFilter {
  /** By which time they are sorted, the last one first, then by id; those without it are left out. */
  readonly by: 'createdAt' | 'endedAt';
  /** The other way round. */
  readonly oldestFirst?: true;
  /** Those that come after a job with this time and id. */
  readonly after?: { readonly at: number; readonly id: string };
  readonly limit: number;
}

/** One line of a job's history, appended in the transaction of the step it tells of. */
export interface JobEvent {
  readonly event: string;
  readonly from: JobStatus;
  readonly to: JobStatus;
  readonly detail: JsonObject;
}

/** A line of a job's history as it is stored. */
export interface StoredJobEvent extends JobEvent {
  /** Grows from line to line. */
  readonly id: number;
  /** ms since the Unix epoch. */
  readonly at: number;
}

/** What one step of the job machine does to a row. Absent fields stay as they are. */
export interface JobChange {
  readonly set: Partial<Omit<Job, 'id' | 'action' | 'params' | 'accountId' | 'version' | 'createdAt' | 'updatedAt'>>;
  readonly events: readonly JobEvent[];
  readonly outbox: readonly OutboxEntry[];
}

/** Something the world shall hear of, written in the transaction that made it true. */
export interface OutboxEntry {
  /** E.g. `job.completed` or `message.new.-1001032086354`. */
  readonly topic: EventTopic;
  readonly payload: JsonObject;
}

/** An outbox row with its place in the stream of events. */
export interface StreamEvent {
  /** 1, 2, 3 … without holes; readers know the event by it. */
  readonly position: number;
  readonly topic: string;
  readonly payload: JsonObject;
  /** When it was written, ms since the Unix epoch. */
  readonly at: number;
}

/** A part of the stream of events. */
export interface EventPage {
  readonly events: readonly StreamEvent[];
  /** The last position that was given; 0 before the first. */
  readonly head: number;
  /** The first position that was not deleted as old; `head + 1` where all were. */
  readonly oldest: number;
}

/** How the stream of events is. */
export interface StreamState extends Omit<EventPage, 'events'> {
  /** Committed rows without a position. */
  readonly waiting: number;
  /** When the first of them was written, ms since the Unix epoch; null where none waits. */
  readonly waitingSince: number | null;
}

/** Why a subscriber to the stream was cut off. */
export type CutReason = 'slow' | 'stopping' | 'store-unavailable' | 'token-revoked' | 'token-expired';

/** What is counted of a process's subscribers. */
export interface EventFigures {
  readonly subscribers: number;
  /** Events given to subscribers. */
  readonly sent: number;
  readonly cutOffs: Readonly<Record<CutReason, number>>;
  /** Subscribers who came for events that are gone. */
  readonly resets: number;
}

/** What a process has deleted because it was old. */
export interface RetentionFigures {
  /** Of jobs, their histories, events, keys of requests. */
  readonly records: number;
  readonly messages: number;
  /** When nothing old was left, ms since the Unix epoch; null before the first time, and where others do it. */
  readonly endedAt: number | null;
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

/** Which message, in its scope. */
export interface MessageKey {
  readonly chatId: ChatId;
  readonly id: number;
}

/** A message whose row changed. */
export interface MessageChange extends MessageKey {
  /** Whether there was no row before. */
  readonly inserted: boolean;
}

/** A message's view count, as it was told. */
export interface ViewCount extends MessageKey {
  readonly views: number;
}

/** What became of a range of ids. */
export interface RangeChange extends UpsertCount {
  readonly deleted: number;
  /** The channel's revision with this change; null where nothing changed, or no channel has a row. */
  readonly revision: number | null;
}

/** What may be written together with a step of a job, or with a batch of updates: one transaction, all or nothing. */
export interface StoreTransaction {
  /**
   * Writes messages in one statement (`unnest`, `ON CONFLICT`). The newer version wins, by (edit date, pts); deleted is terminal.
   * @param scope 0 for channels, else the account's number
   */
  upsertMessages(
    scope: number,
    messages: readonly Message[],
  ): Promise<UpsertCount & { readonly changed: readonly MessageChange[] }>;
  /**
   * Marks messages as deleted. Those of a channel that are not stored are remembered for a day: what was read before and is written after
   * this does not bring them back.
   * @returns the ids that were stored and not deleted before, ascending
   */
  deleteMessages(scope: number, chatId: ChatId, ids: readonly number[], deletedAtMs: number): Promise<number[]>;
  /**
   * Makes a range of a chat's ids what Telegram says it is, in one statement: writes its messages as `upsertMessages` does, and marks as deleted
   * whatever else is stored of it, which was deleted while nobody listened.
   * @param range ids, both ends in it; a `from` above its `to` deletes nothing
   * @param messages all that Telegram has of the chat in that range
   */
  replaceRange(
    scope: number,
    chatId: ChatId,
    range: { readonly from: number; readonly to: number },
    messages: readonly Message[],
    deletedAtMs: number,
  ): Promise<RangeChange>;
  /**
   * Marks messages of an account's private chats and basic groups as deleted: Telegram names no chat.
   * @param scope the account's number
   * @returns those that were stored and not deleted before
   */
  deletePrivate(scope: number, ids: readonly number[], deletedAtMs: number): Promise<MessageKey[]>;
  /** Marks as deleted what is stored of a range of ids, both ends in it, and is not among those present. @returns their ids, ascending */
  deleteAbsent(
    scope: number,
    chatId: ChatId,
    range: { readonly from: number; readonly to: number },
    present: readonly number[],
    deletedAtMs: number,
  ): Promise<number[]>;
  /** Says of stored messages whether they are pinned. @param pts with which that was told @returns ids of those that changed, ascending */
  pinMessages(scope: number, chatId: ChatId, ids: readonly number[], pinned: boolean, pts: number): Promise<number[]>;
  /** Raises view counts of stored messages of channels; they never fall. @returns the channels that changed by it */
  countViews(counts: readonly ViewCount[]): Promise<ChatId[]>;
  /**
   * Inserts channels or renews what is known of them; an absent (null) `about` or `participants` keeps what was stored.
   * A username that another channel held is taken from it. The revision grows of each channel of which something really changed.
   * @returns the stored channels that changed, also those that lost their username: their windows are to be forgotten after the commit
   */
  upsertChannels(channels: readonly Channel[]): Promise<ChannelRevision[]>;
  /** Says how many of a channel's newest messages are stored without a hole; those that were deleted while they were written are marked. @throws CHANNEL_NOT_FOUND when the channel has no row */
  markSynced(chatId: ChatId, syncedAtMs: number, depth: number, complete: boolean): Promise<void>;
  upsertEntities(accountId: string, entities: readonly PeerEntity[]): Promise<void>;
  /**
   * Moves a box's position on, never back: one with a lower pts than what is stored changes nothing, and neither does one with the same pts
   * that is not ahead by its qts, then its seq, then its date.
   * @param anew it replaces what is stored, wherever that is. @default false
   */
  savePosition(accountId: string, position: Position, anew?: boolean): Promise<void>;
  appendOutbox(entries: readonly OutboxEntry[]): Promise<void>;
  /** Writes acts that are different ones, or what came of them; one that has ended stays as it is. @returns those that have ended by this */
  saveActs(acts: readonly Act[]): Promise<Act[]>;
  /** A wanted act is not to be done any more. @returns it as it ended; undefined where it was taken, or has ended otherwise */
  expireAct(id: string, nowMs: number): Promise<Act | undefined>;
  /** Acts of a process that are under way and that it does not have in hand: nobody will know. @returns them as they ended */
  giveUpActs(process: string, inHand: readonly string[], nowMs: number): Promise<Act[]>;
  /** Wanted acts whose time is long over, and of which whoever asked has not said so, have expired. @returns them as they ended */
  expireForsakenActs(): Promise<Act[]>;
}

/** Which messages to read. `before` and `after` are exclusive message ids; with `after`, the ones nearest to it. */
export interface MessageQuery {
  /** Of private chats and basic groups the account's number. @default 0 */
  readonly scope?: number;
  readonly chatId: ChatId;
  readonly before?: number;
  readonly after?: number;
  readonly limit: number;
  /** Case-insensitive part of the text. */
  readonly search?: string;
}

/** Where a message stands among those of all channels: by its date, then its channel, then its id. */
export interface MessagePlace {
  /** Seconds since the Unix epoch. */
  readonly date: number;
  readonly chatId: ChatId;
  readonly id: number;
}

/** A part of a text that is looked for in the messages of all channels. */
export interface SearchQuery {
  /** Case-insensitive. */
  readonly text: string;
  readonly limit: number;
  /** Only older than this one. */
  readonly before?: MessagePlace;
  /** Only in channels that this account has met. */
  readonly accountId?: string;
}

/** Which hours of a chat: those that begin at `from` or later, and before `to`, in ms since the Unix epoch. */
export interface HoursQuery {
  /** Of private chats and basic groups the account's number. @default 0 */
  readonly scope?: number;
  readonly chatId: ChatId;
  readonly from: number;
  readonly to: number;
}

/** How many messages of a chat are of an hour. */
export interface HourCount {
  /** Its beginning (UTC), ms since the Unix epoch. */
  readonly hour: number;
  /** At least 1; deleted ones are left out. */
  readonly messages: number;
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

/** What whoever wants an account's lease is told: it has it under this token, or whose it is and when it is free at the latest. */
export type LeaseAnswer =
  | { readonly granted: true; readonly token: number }
  | { readonly granted: false; readonly owner: string; readonly freeInMs: number };

/** A lease that its owner keeps, with what it says of the account. */
export interface LeaseRenewal {
  readonly accountId: string;
  /** The token that came with it. */
  readonly token: number;
  /** The account's health, its ages as of now. */
  readonly evidence: AccountHealth;
}

/** An account with its lease. Times are by the database's clock. */
export interface LeaseRow {
  readonly accountId: string;
  /** It is not to be served any more. */
  readonly removed: boolean;
  /** Null where nobody has it. */
  readonly owner: string | null;
  /** Of the present lease, or of the last one. */
  readonly token: number;
  /** Negative once it is over; null where nobody has it. */
  readonly expiresInMs: number | null;
  /** The installation in whose files the session lies; null where nobody has one, or sessions are shared. */
  readonly home: string | null;
  /** Null where nobody has said anything since it was taken. */
  readonly evidence: AccountHealth | null;
  readonly evidenceAgeMs: number | null;
  /** The Telegram user that the account is; null before its first login. */
  readonly userId: number | null;
}

/** Counts by status. */
export type JobCounts = Readonly<Record<JobStatus, number>>;

/** One saved session of an account, sealed. */
export interface SealedGeneration {
  /** Counts an account's saved sessions from 1; 0 is a file of the first format. */
  readonly generation: number;
  /** As it was sealed, or as what has become of that; characters up to U+00FF. */
  readonly envelope: string;
}

/**
 * Where sealed sessions lie, as the vault sees it. It knows nothing of what is in them; what it is given it keeps whole or not at all.
 * Files throw `DATA_DIR_UNUSABLE`, `SESSION_UNREADABLE`, `SESSION_CORRUPT`; a database throws as the {@link Store} does.
 */
export interface SessionShelf {
  /** @returns ids of the accounts that have any, sorted */
  sessionAccounts(): Promise<string[]>;
  /** @returns what is kept of an account, newest first, and the account's fencing token as of then; null where there are none (files) */
  sessionGenerations(
    accountId: string,
  ): Promise<{ readonly generations: readonly SealedGeneration[]; readonly fencingToken: number | null }>;
  /**
   * Keeps one more. Once it resolves, it survives a crash and a power cut.
   * @param fencingToken the token under which the writer holds the account; null where there are none
   * @returns false when there is such a generation already, which is left alone
   * @throws SESSION_FENCED when the account has another token by now, UNKNOWN_ACCOUNT when a database has no row of it
   */
  addSession(accountId: string, sealed: SealedGeneration, fencingToken: number | null): Promise<boolean>;
  /** Replaces a generation by the same one sealed anew. @returns false when it is not `before` any more */
  resealSession(accountId: string, before: SealedGeneration, envelope: string): Promise<boolean>;
  /** Deletes generations; those that are not there are no failure. */
  dropSessions(accountId: string, generations: readonly number[]): Promise<void>;
}

/** What is kept of a request of another program, besides its job. */
export interface ForeignRequest {
  /** The same for the same request, and for no other one. */
  readonly digest: string;
  /** By what the program knows the answer; null where it said nothing. */
  readonly correlationId: string | null;
}

/** A job of another program that has ended, and whose end it was not told yet. */
export interface OwedAnswer {
  readonly job: Job;
  readonly correlationId: string | null;
}

/** Under which token of the sequencer's lease somebody works. */
export interface SequencerHold {
  readonly owner: string;
  readonly token: number;
}

/** What is to be published next. */
export interface UnpublishedEvents extends EventPage {
  /** Up to here all was published. Where it is below `oldest - 1`, those between are gone. */
  readonly position: number;
}

/** What the database keeps for other programs, which ask and listen over RabbitMQ. */
interface ForeignDesk {
  /**
   * Stores a job for another program, with its first event and the request, in one statement.
   * @returns `stored`; `known` where the same request was stored before, which changes nothing; `taken` where the id is that of another job;
   *   `account-removed` where its account is not served any more
   */
  insertForeignJob(job: NewJob, request: ForeignRequest): Promise<'stored' | 'known' | 'taken' | 'account-removed'>;
  /**
   * Jobs whose answer is owed, those first that ended first. One is owed from the transaction on in which its job ended.
   * @returns none as well where the sequencer's lease is not held so any more
   */
  owedAnswers(hold: SequencerHold, limit: number): Promise<OwedAnswer[]>;
  /** These were answered. */
  noteAnswered(jobIds: readonly string[], nowMs: number): Promise<void>;
  /**
   * What of the stream is to be published next, in order and without a hole. Publishing begins where the stream stands when somebody asks for the first time.
   * @param hold of the sequencer's lease, or the last one, where it was given back and nobody has taken it since
   * @returns undefined where it is not held so any more
   */
  readUnpublished(hold: SequencerHold, limit: number): Promise<UnpublishedEvents | undefined>;
  /** Everything up to a position was published; a lower one than what is known changes nothing. */
  notePublished(position: number): Promise<void>;
}

/** How a process gets on. */
export interface ProcessFigures {
  /** How late the event loop came to what was due, in ms, over the last window of 10 s: what half and 99 of 100 had at most, and the worst. */
  readonly lag: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
  /** The part of that time in which the event loop was at work, 0 to 1. */
  readonly busy: number;
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number };
}

/** What a process says of itself, again and again. */
export interface ProcessBeat {
  /** Its installation. */
  readonly id: string;
  readonly role: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** How long it runs, in ms. */
  readonly upMs: number;
  readonly figures: ProcessFigures;
}

/** A process as whoever reads of it in the database sees it. Times are by the database's clock. */
export interface ProcessRow extends Omit<ProcessBeat, 'upMs'> {
  /** ms since the Unix epoch. */
  readonly startedAt: number;
  readonly seenAgeMs: number;
  /** Those whose lease it holds, sorted. */
  readonly accounts: readonly string[];
}

/** What a process last said of one of its actors, or of all of them, for somebody who looks. */
export interface ProcessViewRow {
  /** Which saying it is; 0 while it has said nothing. */
  readonly version: number;
  /** As it was written; null where it is the version that is known already, where there is no such actor, and while nothing was said. */
  readonly text: string | null;
  /** True where the process says that there is no such actor. */
  readonly absent: boolean;
  /** By the database's clock; null while nothing was said. */
  readonly ageMs: number | null;
  /** Of the process itself. */
  readonly seenAgeMs: number;
}

/** Where processes say that they are there, and show each other their actors while somebody looks. A path that is empty means the whole tree. */
export interface ProcessDesk {
  /**
   * Says that a process is there, forgets those that have said nothing for a day, and what nobody has looked at for a minute.
   * @param isFirst of this life: what the one before has shown goes
   * @returns the paths that somebody looks at, 32 at most
   */
  beatProcess(beat: ProcessBeat, isFirst: boolean): Promise<string[]>;
  /** @returns the paths of a process that somebody looks at, 32 at most */
  wantedViews(processId: string): Promise<string[]>;
  /** Shows what is looked at. @param text null where there is no such actor */
  writeViews(processId: string, views: readonly { readonly path: string; readonly text: string | null }[]): Promise<void>;
  /** A process ends well: nobody misses it. @param pid another life of it is left alone */
  leaveProcesses(processId: string, pid: number): Promise<void>;
  /** All that have beaten within a day, the youngest last. */
  processes(): Promise<ProcessRow[]>;
  /**
   * Looks at a view, and has it written for so long.
   * @param known the version that whoever looks has
   * @returns undefined where there is no such process
   */
  lookAt(processId: string, path: string, known: number, forMs: number): Promise<ProcessViewRow | undefined>;
}

/** What one may ask of an actor. `stop` and `suspend` are the same: it stays down until it is resumed. */
export const ACT_NAMES = ['restart', 'stop', 'suspend', 'resume', 'send'] as const;
export type ActName = (typeof ACT_NAMES)[number];

/** How an act is. Those before `done` have not ended. */
export type ActOutcome = 'wanted' | 'under-way' | ActEnd;

/** What somebody did, or wants done, to an actor or to dead letters. Times are ms since the Unix epoch. */
export interface Act {
  /** A UUID. */
  readonly id: string;
  readonly at: number;
  readonly asker: ActAsker;
  /** The installation that does it. */
  readonly process: string;
  /** Its path; null where it is not done to an actor. */
  readonly actor: string | null;
  readonly act: ActName | 'purge' | 'replay';
  /** Of a `send`. */
  readonly event: string | null;
  /** Why, in the asker's words. */
  readonly reason: string | null;
  /** What else there is to know: which dead letters, and how many. */
  readonly detail: JsonObject | null;
  readonly outcome: ActOutcome;
  /** Of what it was refused with, or failed of. */
  readonly code: ErrorCode | null;
  readonly why: string | null;
  readonly finishedAt: number | null;
}

/** Who asks for an act. */
export interface ActAsker {
  /** As the gateway knows callers: it gives nothing of a token away. */
  readonly caller: string;
  readonly by: 'token' | 'jwt' | 'local';
  readonly address: string | null;
  /** Under which the log knows the request. */
  readonly requestId: string | null;
}

/** Which acts. */
export interface ActQuery {
  /** What was done to this actor, and to those below it. */
  readonly actor?: string;
  readonly process?: string;
  /** Those that come after an act of this time and id. */
  readonly after?: { readonly at: number; readonly id: string };
  readonly limit: number;
}

/** Where acts are written down, and where processes ask each other for them. */
interface ActBook {
  /** Wants an act of another process; it may be taken for so long by the database's clock, and never after. */
  askAct(act: Act, forMs: number): Promise<void>;
  /** Takes what is wanted of a process: nobody gets it again. @returns oldest first, as under way */
  takeActs(process: string): Promise<Act[]>;
  /** A wanted act whose time is over is shown as expired, whoever has said so. */
  findAct(id: string): Promise<Act | undefined>;
  /** Newest first. One that is under way in a process that is not known any more is shown as unknown. */
  listActs(query: ActQuery): Promise<Act[]>;
}

/**
 * The truth. Every method throws `STORE_UNAVAILABLE` when the database cannot be reached or answers too late.
 */
export interface Store extends SessionShelf, LoginErrands, ForeignDesk, ActBook, ProcessDesk {
  readonly kind: 'pglite' | 'postgresql';
  /** @returns how many statements and transactions of this process wait for a connection, or their turn */
  waiting(): number;

  /**
   * Brings the schema up to date under a lock and stamps the database with its world.
   * @throws FOREIGN_DATABASE when it is stamped with another one, SCHEMA_TOO_NEW when a newer version wrote it
   */
  prepare(world: World): Promise<void>;
  /** One round trip. @returns how long it took, in ms */
  ping(): Promise<number>;
  /**
   * Commits a write that changes nothing, and takes new room on the server's disk for a moment: a ping says nothing of a full disk, a standby or a
   * missing right.
   * @throws STORE_UNAVAILABLE with why the database does not write, or does not answer
   */
  proveWrite(): Promise<void>;
  close(): Promise<void>;

  /** Runs `work` in one transaction; it commits when `work` resolves and rolls back when it rejects. */
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>;

  /** Stores a job, whose history begins with that. The same id again changes nothing. @returns the stored row */
  insertJob(job: NewJob): Promise<Job>;
  /**
   * Stores jobs with the keys of their requests, in one statement. A key counts for 24 hours from `createdAt` on; of several
   * requests under one key, also at once and from several processes, one is stored, and the others are told which.
   * @returns an outcome for each, in their order. One row that the database refuses fails all of them.
   */
  insertJobs(submissions: readonly JobSubmission[]): Promise<SubmissionOutcome[]>;
  /** @returns what `insertJobs` would say of a request under this key; undefined where it would be stored */
  findSubmission(key: RequestKey, nowMs: number): Promise<SubmissionOutcome | undefined>;
  findJob(id: string): Promise<Job | undefined>;
  /** Jobs without `result` and `checkpoint`, which may be large: null in all of them. */
  listJobs(query: JobQuery): Promise<Job[]>;
  /** How many fit, counted up to `most`. */
  countJobsLike(filter: JobFilter, most: number): Promise<number>;
  /** Deletes failed jobs with their history, those first that ended first. @returns how many */
  deleteFailed(filter: JobFilter, limit: number): Promise<number>;
  /**
   * One step: lets `decide` say what changes, writes row, events and outbox, and runs `effect`, all in the same transaction, or not at all.
   * @param decide may be asked again, on another row: what is written is decided on the row as it is then, and of its answers the last one counts.
   *   undefined leaves the row alone (and `effect` is not run); what it throws is rethrown, and nothing written
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
   * @param perAccount no more than so many jobs of an account shall run, or have been woken and not taken (one that was woken four times in vain
   *   does not count any more): whatever is more urgent and comes later goes before the rest. @default without limit
   */
  pickDue(accountIds: readonly string[], nowMs: number, limit: number, perAccount?: number): Promise<DueJob[]>;
  /** The earliest time after `nowMs` at which a waiting job of the accounts becomes due or may be woken again; undefined when there is none. */
  nextDue(accountIds: readonly string[], nowMs: number): Promise<number | undefined>;
  /** Ids of jobs in `processing` whose claim's token is older than the account's token, of these accounts. */
  findLost(accountIds: readonly string[]): Promise<string[]>;
  /** Ids of jobs in `processing` that were claimed under just this token of the account, longest untouched first. */
  findOwn(accountId: string, token: number): Promise<string[]>;
  /** Jobs of an account that have not ended, oldest first. */
  findUnended(accountId: string, limit: number): Promise<string[]>;
  /** Ids of parked jobs of an account. */
  findParked(accountId: string): Promise<string[]>;
  countJobs(): Promise<JobCounts>;
  /** A job's history in the order in which it happened: what comes after a line of it, and so many lines at most. @default all of it */
  jobEvents(id: string, page?: { readonly after: number; readonly limit: number }): Promise<StoredJobEvent[]>;
  /**
   * Deletes a part of what is old: jobs that completed more than 7 days ago or ended otherwise more than 30 days ago, after their history,
   * from the stream's beginning the events older than 7 days, and deletions of messages that were never stored and keys of requests after a day. Acts
   * are kept for 400 days. What has no place in the stream yet stays.
   * @param maxRows rows to delete at most, lines of history among them
   * @returns rows deleted; there may be more when it is `maxRows`
   */
  prune(nowMs: number, maxRows: number): Promise<number>;
  /**
   * Deletes a part of the messages that are older than this, for good, and tells nobody: whoever holds the channel's window has an older revision.
   * @param maxRows rows to delete at most
   * @returns rows deleted (with TimescaleDB: chunks of 7 days, of which every message is older); there may be more when it is `maxRows`
   */
  pruneMessages(beforeMs: number, maxRows: number): Promise<number>;

  /**
   * Takes the right to give positions, where nobody has it, its lease is over by the database's clock, or the owner had it before.
   * @returns the token under which it is held; undefined when somebody else holds it
   */
  takeSequencer(owner: string, leaseMs: number): Promise<number | undefined>;
  /** @returns false when it is not held under this token any more */
  renewSequencer(owner: string, token: number, leaseMs: number): Promise<boolean>;
  /** Gives it back; nothing happens when it is not held under this token any more. */
  releaseSequencer(owner: string, token: number): Promise<void>;
  /**
   * Gives the next positions of the stream to committed outbox rows, in the order in which they were written. One whose transaction commits
   * late gets its place then. Where anything was placed, the lease is renewed too.
   * @returns how many; there may be more when it is `most`; undefined when there was something, and the right is not held under this token
   */
  placeEvents(owner: string, token: number, most: number, leaseMs: number): Promise<number | undefined>;
  /**
   * The events after a position, in order and without a hole, and the stream's ends as of the same moment. Where `after` is below
   * `oldest - 1`, those between are gone.
   */
  readEvents(after: number, limit: number): Promise<EventPage>;
  streamState(): Promise<StreamState>;

  /** Makes sure the account has a row. @returns its number, the scope of its private chats */
  ensureAccount(accountId: string): Promise<number>;
  /** Makes an account, or takes up one again that was removed. @returns false where there is one of this name */
  makeAccount(accountId: string): Promise<boolean>;
  /**
   * Has an account served no more: it gets no lease, and what is claimed of it is lost. All that is stored of it stays.
   * @returns its new fencing token @throws UNKNOWN_ACCOUNT where there is none, or it was removed before
   */
  removeAccount(accountId: string): Promise<number>;
  /** Those that were not removed. */
  listAccounts(): Promise<string[]>;
  /**
   * Takes an account whoever has it: its fencing token grows by one, so that older claims are lost. A lease that somebody has of it ends; the
   * next one is given once his socket is sure to be gone. @returns the new token @throws UNKNOWN_ACCOUNT
   */
  takeAccount(accountId: string, owner: string): Promise<number>;
  /**
   * Takes an account's lease, and with it the account as {@link Store.takeAccount} does: where nobody has the lease, where it is the owner's own,
   * or where it was over long enough ago.
   * @param home whether the account's session lies in files of the owner
   * @throws UNKNOWN_ACCOUNT
   */
  takeLease(accountId: string, owner: string, home: boolean): Promise<LeaseAnswer>;
  /**
   * Renews leases of one owner in one statement, with what it says of each account.
   * @param homes accounts of them whose session lies in files of the owner
   * @returns the accounts whose lease is still the owner's under its token
   */
  renewLeases(owner: string, renewals: readonly LeaseRenewal[], homes: readonly string[]): Promise<string[]>;
  /**
   * Gives a lease back: whoever comes first may have it at once. Nothing happens when the owner does not hold it under this token any more: a word
   * that comes late must not end a lease that was taken since.
   */
  releaseLease(accountId: string, owner: string, token: number): Promise<void>;
  /**
   * Raises the account's fencing token for whoever holds its lease, so that what was claimed under the older one is lost.
   * @param leaseToken the token that came with the lease
   * @returns the new token
   * @throws LEASE_LOST when the lease is not the owner's under that token, UNKNOWN_ACCOUNT
   */
  raiseToken(accountId: string, owner: string, leaseToken: number): Promise<number>;
  /** All accounts with their leases, in the order of their numbers. */
  leases(): Promise<LeaseRow[]>;
  /** Says that an installation serves accounts for so long, in ms; 0: no longer. @returns how many do */
  checkInWorker(worker: string, forMs: number): Promise<number>;
  /** Accounts that know a channel, in the order of their numbers. */
  accountsKnowing(ref: ChannelRef): Promise<string[]>;
  /**
   * Says which Telegram user an account is, which is decided by its first login: everything that is stored under its name is that person's.
   * @returns the user that it is, which another one said before may be @throws UNKNOWN_ACCOUNT when the account has no row
   */
  bindUser(accountId: string, userId: number): Promise<number>;
  entities(accountId: string): Promise<PeerEntity[]>;
  positions(accountId: string): Promise<Position[]>;
  /** Channels that the account does not follow, ascending; all others that it is in are followed. */
  unfollowed(accountId: string): Promise<ChatId[]>;
  /** Those of some accounts that do not follow a channel, in the order of their ids. */
  unfollowing(accountIds: readonly string[], chatId: ChatId): Promise<string[]>;
  /** For all of these accounts, or for none. @throws UNKNOWN_ACCOUNT when one that shall not follow it has no row */
  setFollowed(accountIds: readonly string[], chatId: ChatId, followed: boolean): Promise<void>;

  findChannel(ref: ChannelRef): Promise<StoredChannel | undefined>;
  /**
   * By title, then id; `after` is the chat id of the last one of the page before.
   * @param accountId only those that this account has met. @default all
   */
  listChannels(limit: number, after?: ChatId, accountId?: string): Promise<StoredChannel[]>;
  /** Newest first; deleted ones left out. */
  readMessages(query: MessageQuery): Promise<Message[]>;
  /**
   * Of all channels, not of private chats; newest first, deleted ones left out. Without the index of `ops/postgresql/text-search.sql` it reads all
   * there are.
   */
  searchMessages(query: SearchQuery): Promise<Message[]>;
  countMessages(chatId: ChatId): Promise<number>;
  /**
   * The hours that have messages, in order: kept with every change, not counted when asked. With TimescaleDB, what changes in hours past is
   * seen within a quarter of an hour.
   */
  messagesPerHour(query: HoursQuery): Promise<HourCount[]>;
}

// ── Broker and cache ────────────────────────────────────────────────────────────────────────────────────────────────

/** Moves wake-ups. A lost one costs time, never a job: the rows say what is due. */
export interface Broker {
  readonly kind: 'in-process' | 'rabbitmq';
  /** False while a wake-up would certainly fail: then nobody needs to try. */
  isReady(): boolean;
  /** Asks whoever consumes the account to look at the job. Resolves once the broker holds it. */
  wake(accountId: string, jobId: string): Promise<void>;
  /** Receives an account's wake-ups, one call a wake-up, until the returned function is called. */
  consume(accountId: string, onWake: (jobId: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** The newest messages of a channel, without a hole, newest first. */
export interface Window {
  readonly channel: StoredChannel;
  /** Newest first; of `raw` they have no more than readers are told. */
  readonly messages: readonly Message[];
  /** True when it reaches the channel's first message. */
  readonly complete: boolean;
}

/** Speeds reads up; may forget anything at any time. */
export interface Cache {
  readonly kind: 'in-process' | 'none' | 'redis';
  window(ref: ChannelRef): Promise<Window | undefined>;
  /** The same for whoever has changed the channel: it counts as no reading. */
  held(chatId: ChatId): Promise<Window | undefined>;
  /** To be taken before the store is read for a window: what was read before everything was forgotten is not put. */
  mark(): string;
  /**
   * Kept only when its channel's revision is newer than what is held, or the same with more messages, and not older than what was dropped.
   * @param mark as of before the store was read; without it, as of now
   * @param renews in place of one that nobody has read anew: it lives as long as that would have
   */
  putWindow(window: Window, mark?: string, renews?: boolean): Promise<void>;
  /** Forgets a channel's window unless it is of this revision or newer. */
  dropWindow(chatId: ChatId, revision: number): Promise<void>;
  /** Forgets everything: somebody may have gone who had something to drop. */
  forgetAll(): Promise<void>;
  close(): Promise<void>;
}

/** How often somebody may do something: so often at once, after which it comes back evenly, all of it in the period. */
export interface Allowance {
  readonly most: number;
  readonly periodMs: number;
}

/** What came of asking an allowance. */
export interface AllowanceAnswer {
  readonly granted: boolean;
  /** How often it may still be done at once. */
  readonly remaining: number;
  /** When it may be done again, in ms from now; 0 where it was granted. */
  readonly retryAfterMs: number;
  /** When all of it is there again, in ms from now. */
  readonly fullAfterMs: number;
}

/** Counts what is done, by who does it. */
export interface RateCounter {
  /**
   * Uses up a part of an allowance, where it is there.
   * @param key whose allowance it is
   * @param cost 0 asks only whether it might be done once. @default 1
   * @throws CACHE_UNAVAILABLE
   */
  use(key: string, allowance: Allowance, cost?: number): Promise<AllowanceAnswer>;
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

/** One thing that happened at Telegram, out of the update containers. Its box is the channel's, where it names one, else the account's. */
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
      /** Null where Telegram names ids only, which is so for all private chats and basic groups of an account together. */
      readonly chatId: ChatId | null;
      readonly ids: readonly number[];
      readonly pts: number;
      readonly ptsCount: number;
    }
  | {
      readonly type: 'pinned';
      readonly chatId: ChatId;
      readonly ids: readonly number[];
      readonly pinned: boolean;
      readonly pts: number;
      readonly ptsCount: number;
    }
  /** Something of which only its place in the box is kept: what was read, a link's preview. `chatId` is null in the account's box. */
  | {
      readonly type: 'passed';
      readonly chatId: ChatId | null;
      readonly name: string;
      readonly pts: number;
      readonly ptsCount: number;
    }
  /** A message of a secret chat, or another update that counts in qts: only its place is kept. */
  | { readonly type: 'secret'; readonly qts: number }
  | { readonly type: 'views'; readonly chatId: ChatId; readonly id: number; readonly views: number }
  /** Where a channel stands, as its dialog says it: nothing happened, but something may have been missed. */
  | { readonly type: 'position'; readonly chatId: ChatId; readonly pts: number }
  /** Too much happened to be pushed; null for the account's own box. `pts` is where the channel stands, where Telegram says it. */
  | { readonly type: 'too-long'; readonly chatId: ChatId | null; readonly pts: number | null }
  | { readonly type: 'other'; readonly name: string };

/** A container's place in the account's sequence (https://core.telegram.org/api/updates#seq-checking-and-applying); all 0 where it has none. */
export interface ContainerOrder {
  readonly seqStart: number;
  readonly seq: number;
  /** Seconds since the Unix epoch. */
  readonly date: number;
}

/** The place of what comes in no order. */
export const UNORDERED: ContainerOrder = { seqStart: 0, seq: 0, date: 0 };

/** What an account missed since a position (`updates.getDifference`). New messages are told with the pts of the slice's end. */
export type Difference =
  | { readonly kind: 'empty'; readonly date: number; readonly seq: number }
  | {
      readonly kind: 'difference';
      readonly updates: readonly TelegramUpdate[];
      readonly channels: readonly ResolvedChannel[];
      /** Where the account stands with it. */
      readonly state: Position;
      /** False for a slice: there is more. */
      readonly final: boolean;
    }
  /** Telegram does not tell: it goes on from this pts. */
  | { readonly kind: 'too-long'; readonly pts: number };

/** What was missed of a channel since a pts (`updates.getChannelDifference`). */
export type ChannelDifference =
  | { readonly kind: 'empty'; readonly pts: number; readonly final: boolean; readonly timeoutS: number | null }
  | {
      readonly kind: 'difference';
      readonly updates: readonly TelegramUpdate[];
      readonly channels: readonly ResolvedChannel[];
      readonly pts: number;
      readonly final: boolean;
      /** When to ask again a channel that is not pushed, in s; null where Telegram did not say. */
      readonly timeoutS: number | null;
    }
  /** Telegram does not tell: the channel stands at this pts, and its history says what there is. */
  | { readonly kind: 'too-long'; readonly pts: number; readonly timeoutS: number | null };

/** What a link tells its owner, in the order it happened. */
export interface LinkEvents {
  /**
   * Asked before anything is sent: false ends the link's sockets at once, as the session may be somebody else's by now.
   * @default always
   */
  mayUse?(): boolean;
  /** The transport is gone or unusable; told once. */
  onDown(error: unknown): void;
  /** One container, pushed or brought by the answer to a call. */
  onUpdates(updates: readonly TelegramUpdate[], channels: readonly ResolvedChannel[], order: ContainerOrder): void;
}

/** What the calls of an account's jobs and feeds need. Every call has a deadline and throws a VigiliaError. */
export interface TelegramCalls {
  /** @throws CHANNEL_NOT_FOUND */
  resolve(ref: ChannelRef): Promise<ResolvedChannel>;
  fullChannel(chatId: ChatId): Promise<ResolvedChannel>;
  /** All channels and supergroups of the account's dialogs. */
  dialogs(): Promise<Dialog[]>;
  /** Up to 100 messages older than `offsetId` (0: from the newest). */
  history(chatId: ChatId, offsetId: number, limit: number): Promise<HistoryPage>;
  /** Where the account's own box stands now. @throws TELEGRAM_REAUTH when the session is not logged in */
  state(): Promise<Position>;
  /** What the account missed since a position of its box. */
  difference(since: Position): Promise<Difference>;
  /** What was missed of a channel since a pts, at most about `limit` of it. @throws CHANNEL_NOT_FOUND */
  channelDifference(chatId: ChatId, pts: number, limit: number): Promise<ChannelDifference>;
}

/** One connection to Telegram: one generation, never reused after it went down. */
export interface TelegramLink extends TelegramCalls {
  /** Opens the transport, makes or resumes the auth key. @throws TELEGRAM_TIMEOUT, TELEGRAM_TRANSIENT, … */
  connect(): Promise<void>;
  /** One ping that also asks the server to close a dead socket after 40 s. */
  ping(): Promise<void>;
  /** @returns the hash that belongs to the code */
  sendCode(phone: string): Promise<string>;
  signIn(phone: string, codeHash: string, code: string): Promise<void>;
  /** @returns the Telegram user who is logged in @throws TELEGRAM_REAUTH when nobody is */
  userId(): Promise<number>;
  /** Ends the session at Telegram: its key is of no use from then on. */
  logOut(): Promise<void>;
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

// ── Logins ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A login code that Telegram sent (https://core.telegram.org/constructor/auth.sentCode). */
export interface SentCode {
  /** Belongs to the code: a secret until the login is over. */
  readonly hash: string;
  /** How it went out: `app`, `sms`, `call` … */
  readonly via: string;
  /** How many characters it has; null where that is not known. */
  readonly length: number | null;
  /** How it would be sent again; null when there is no other way. */
  readonly nextVia: string | null;
  /** After how many seconds Telegram would send it again; null where it did not say. */
  readonly resendAfterS: number | null;
}

/** What became of a QR login (https://core.telegram.org/api/qr-login). */
export type LoginToken =
  /** To be shown. `token` is base64url and a secret; `expiresAt` is ms since the Unix epoch, by Telegram's clock. */
  { readonly kind: 'shown'; readonly token: string; readonly expiresAt: number } | { readonly kind: 'accepted' };

/** What a login's link tells. */
interface LoginLinkEvents {
  onDown(error: unknown): void;
  /** Another device has let the holder of the QR token in: ask for the token again. */
  onTokenAccepted(): void;
}

/**
 * A connection on which somebody logs in; never one of an account that works. Every call has a deadline and throws a VigiliaError with the
 * codes `LOGIN_…` and `TELEGRAM_…`, none of which quotes phone, code or password.
 */
export interface LoginLink {
  connect(): Promise<void>;
  /** @returns the code that was sent, or undefined when Telegram let the phone in without one */
  sendCode(phone: string): Promise<SentCode | undefined>;
  /** Sends it again another way. @throws LOGIN_NO_OTHER_WAY, LOGIN_CODE_EXPIRED */
  resendCode(phone: string, hash: string): Promise<SentCode | undefined>;
  cancelCode(phone: string, hash: string): Promise<void>;
  /** @throws LOGIN_PASSWORD_NEEDED when the code was right and more is asked for */
  signIn(phone: string, hash: string, code: string): Promise<void>;
  /** @returns the hint its owner has left; null where there is none. @throws LOGIN_LOST when no password is asked for */
  passwordHint(): Promise<string | null>;
  checkPassword(password: string): Promise<void>;
  /** Also goes on at another data centre, where the account that accepted lives. @throws LOGIN_PASSWORD_NEEDED */
  exportToken(): Promise<LoginToken>;
  /** Whether the key is logged in by now: what to ask when an answer did not come. */
  standing(): Promise<'logged-in' | 'password-needed' | 'logged-out'>;
  /** @returns the Telegram user who has logged in */
  userId(): Promise<number>;
  logOut(): Promise<void>;
  /** The session to keep, a secret; empty before there is a key. */
  session(): string;
  /** Ends the link; never rejects, and nothing is told afterwards. */
  close(): Promise<void>;
}

/** Opens links to log in on. */
export interface LoginTelegram {
  /** @param session what an earlier link of the same login gave, or an empty string */
  openLogin(session: string, events: LoginLinkEvents): LoginLink;
}

/** The steps of a login, as people see it. */
export const LOGIN_STATES = [
  'sending-code',
  'awaiting-code',
  'checking-code',
  'awaiting-password',
  'checking-password',
  'showing-qr',
  'saving',
  'cancelling',
  'done',
  'failed',
  'cancelled',
] as const;
export type LoginState = (typeof LOGIN_STATES)[number];

/** Those of them that end by themselves; at the others it waits for a person, or is over. */
export const WORKING_LOGIN_STATES: ReadonlySet<LoginState> = new Set<LoginState>([
  'sending-code',
  'checking-code',
  'checking-password',
  'saving',
  'cancelling',
]);

/** A login as it may be shown to whoever may log in. Times are ms since the Unix epoch. Not for logs: it has the phone's last digits and the QR token. */
export interface LoginView {
  readonly accountId: string;
  readonly method: 'code' | 'qr';
  readonly state: LoginState;
  readonly startedAt: number;
  /** `+55…1234`; null for a login by QR. */
  readonly phone: string | null;
  /** How the code went out; null before it did. */
  readonly code: {
    readonly via: string;
    readonly length: number | null;
    readonly nextVia: string | null;
    /** From when on it makes sense to ask for another one. */
    readonly resendAt: number | null;
  } | null;
  /** How many more codes, or passwords, may be wrong; null where nothing is asked for. */
  readonly triesLeft: number | null;
  readonly passwordHint: string | null;
  /** What to show as a QR code, and until when it is good. */
  readonly qr: { readonly url: string; readonly expiresAt: number } | null;
  /** Telegram takes nothing before; null when it does. */
  readonly waitUntil: number | null;
  /** When it ends by itself unless somebody goes on with it. */
  readonly expiresAt: number | null;
  /** Why it failed, or what went wrong last. */
  readonly error: ErrorRecord | null;
}

/** How somebody wants to log in. `phone` is digits with a plus before them. */
export type LoginRequest = { readonly method: 'code'; readonly phone: string } | { readonly method: 'qr' };

/** Where people log accounts in and out. */
export interface Logins {
  /**
   * Begins a login. It has a connection of its own; the account's session stays as it is until the login is done.
   * @param replace also when the account is logged in and connected
   * @throws UNKNOWN_ACCOUNT, LOGIN_UNDER_WAY, LOGIN_NOT_NEEDED
   */
  begin(accountId: string, request: LoginRequest, replace: boolean): Promise<LoginView>;
  /** @throws LOGIN_NOT_FOUND, LOGIN_WRONG_STEP, TELEGRAM_FLOOD before {@link LoginView.waitUntil} */
  giveCode(accountId: string, code: string): Promise<LoginView>;
  /** As {@link Logins.giveCode}. */
  givePassword(accountId: string, password: string): Promise<LoginView>;
  /** Has the code sent again another way. As {@link Logins.giveCode}. */
  resendCode(accountId: string): Promise<LoginView>;
  /** @throws LOGIN_NOT_FOUND, LOGIN_WRONG_STEP when it is over, or being saved */
  cancel(accountId: string): Promise<LoginView>;
  /** @throws LOGIN_NOT_FOUND */
  view(accountId: string): Promise<LoginView>;
  /** Resolves with the login once it waits for a person or is over, or as it is when the time has passed. @throws LOGIN_NOT_FOUND */
  settled(accountId: string, withinMs: number): Promise<LoginView>;
  /** Ends the account's session at Telegram. What is stored stays stored and is not used any more. @throws UNKNOWN_ACCOUNT, LOGIN_WRONG_STEP, TELEGRAM_OFFLINE */
  logOut(accountId: string): Promise<void>;
}

/** A step of a login that one process asks of another. */
export interface LoginErrand {
  /** A UUID. */
  readonly id: string;
  readonly accountId: string;
  /** The installation that is asked. */
  readonly worker: string;
  /** A sealed box. */
  readonly question: string;
}

/** Where processes ask each other to do steps of logins. Nothing lies there for longer than a minute. */
export interface LoginErrands {
  /** Says by which key questions to an installation are sealed from now on. */
  openLoginDesk(worker: string, publicKey: string): Promise<void>;
  /** @returns the installation that holds the account's lease, and its key; undefined where none does, or does not take questions */
  loginDeskOf(accountId: string): Promise<{ readonly worker: string; readonly publicKey: string } | undefined>;
  askLogin(errand: LoginErrand): Promise<void>;
  /** Takes an installation's questions: nobody gets them again. */
  takeLoginQuestions(worker: string): Promise<LoginErrand[]>;
  /** One that nobody waits for any more is dropped. */
  answerLogin(id: string, answer: string): Promise<void>;
  /** Takes the answer, with which the errand is over; undefined while there is none. */
  takeLoginAnswer(id: string): Promise<string | undefined>;
}

/** The accounts there are. */
export interface Accounts {
  /** Sorted. */
  list(): Promise<AccountHealth[]>;
  /** Makes one, which has to be logged in then. @throws ACCOUNT_EXISTS, STORE_UNAVAILABLE */
  create(accountId: string): Promise<void>;
  /**
   * Has one served no more, and cancels what was accepted for it. What is stored of it stays, its session too: made again, it goes on.
   * @returns how many jobs were cancelled @throws UNKNOWN_ACCOUNT, STORE_UNAVAILABLE
   */
  remove(accountId: string): Promise<number>;
}

// ── What the HTTP floor asks ────────────────────────────────────────────────────────────────────────────────────────

/** A job as it is asked for. */
export interface JobRequest {
  readonly action: string;
  readonly params: JsonObject;
  /** Without it, one is chosen. */
  readonly accountId?: string;
  /** 1 (first) to 10. @default 5 */
  readonly priority?: number;
}

/** How a request is handed in. */
export interface SubmitOptions {
  readonly key?: RequestKey;
  /** By the monotonic clock: what was not begun by then is not stored any more, and no answer comes later than that. @default never */
  readonly expiresAt?: number;
}

/** The job that a request became. */
export interface Submitted {
  readonly jobId: string;
  /** Whether it had become that before. */
  readonly replayed: boolean;
}

/** Where jobs come in. */
export interface Intake {
  /**
   * Stores a job; once it resolves, the job is never lost. Requests that come together are stored together.
   * @throws STORE_UNAVAILABLE, with which it may be stored all the same, UNKNOWN_ACTION, UNKNOWN_ACCOUNT, IDEMPOTENCY_KEY_REUSED
   */
  submit(request: JobRequest, options?: SubmitOptions): Promise<Submitted>;
  /** @returns the job that a request became under this key before @throws IDEMPOTENCY_KEY_REUSED, STORE_UNAVAILABLE */
  submitted(key: RequestKey): Promise<Submitted | undefined>;
  /** @throws UNKNOWN_ACCOUNT when there is no such account, STORE_UNAVAILABLE */
  checkAccount(accountId: string): Promise<void>;
}

/** What became of many dead letters at once. */
export interface DeadLetterCount {
  readonly done: number;
  /** How many more fit, counted up to 10,000; null where they could not be counted. */
  readonly left: number | null;
}

/** What people do with stored jobs. Dead letters are failed jobs. All throw STORE_UNAVAILABLE. */
export interface JobDesk {
  /**
   * Cancels a job: one that runs ends with its next commit, any other at once.
   * @returns the job after it @throws NOT_FOUND, JOB_ENDED
   */
  cancel(id: string): Promise<Job>;
  /**
   * Has a failed or cancelled job done again from its beginning, its history kept.
   * @returns the job after it @throws NOT_FOUND, JOB_NOT_RETRIABLE, UNKNOWN_ACCOUNT when its account was removed
   */
  retry(id: string): Promise<Job>;
  /** Retries dead letters, those first that died first; those of removed accounts stay. What fails after some were done ends it, with those told. */
  replay(filter: JobFilter, most: number): Promise<DeadLetterCount>;
  /** Deletes dead letters with their history, those first that died first. What fails after some were deleted ends it, with those told. */
  purge(filter: JobFilter, most: number): Promise<DeadLetterCount>;
}

/** An actor as it is at this moment, with those below it. Times are ms since the Unix epoch. */
export interface ActorNode {
  /** Names from the root down, joined by `/`, e.g. `root/accounts/main/connection`. */
  readonly path: string;
  /** What it is: `supervisor`, `connection`, `dispatcher` … */
  readonly kind: string;
  /** While it is up its machine's state, nested states joined by `.`; else where it is between its lives. */
  readonly state: string;
  /** When it entered the state; a change inside of a nested state does not count. */
  readonly since: number;
  /** Which life this is, as the log has it; 0 before the first. Counted from 1 again when its supervisor was restarted. */
  readonly incarnation: number;
  /** How many lives it has had after the first, under all lives of its supervisor. */
  readonly restarts: number;
  /** When it will be started again; absent unless it waits for that. */
  readonly nextStartAt?: number;
  /** Of a supervisor that is alive: its policy, and how much of it is used up. */
  readonly supervision?: Supervision;
  readonly events: ActorEvents;
  /** What waits for it, in whatever it counts: wake-ups, updates, statements. Absent where nothing can: an event is handled as it is sent. */
  readonly queued?: number;
  /** Why it ended the last time, outermost cause first; absent when it never did. */
  readonly lastExit?: ActorExit;
  /** What of its context may be shown, by allow-list: never a secret. */
  readonly context?: JsonObject;
  /** In the order in which they start. */
  readonly children: readonly ActorNode[];
}

/** How an actor's life ended. */
export interface ActorExit {
  /** ms since the Unix epoch. */
  readonly at: number;
  /** `normal`, `failure` or `shutdown`. */
  readonly reason: string;
  /** Messages, outermost first. */
  readonly causes: readonly string[];
}

/** Restarts against the intensity of a supervisor, as in OTP. */
export interface Supervision {
  readonly strategy: string;
  /** More restarts than these within the period, and it gives up, or quarantines the child. */
  readonly maxRestarts: number;
  readonly periodMs: number;
  /** Restarts within the period that ends now. Where children are quarantined, each has the whole intensity: this is that of the worst. */
  readonly restarts: number;
  readonly quarantines: boolean;
}

/** How an actor gets on with its events, under all its lives. */
export interface ActorEvents {
  readonly handled: number;
  /** Events, of those handled, for which its machine had no transition. An actor that is no machine rejects none. */
  readonly rejected: number;
  /** Events handled a second, over the last 10 s. */
  readonly perSecond: number;
  /**
   * What took longest, from its beginning to its end: an event that came through the mailbox with all that it made others do at once, any other piece of work
   * with what it waited for. Absent before the first.
   */
  readonly longest?: { readonly event: string; readonly durationMs: number; readonly at: number };
}

/** A transition of a machine by its names. */
export interface ActorEdge {
  /** The state that has the transition, e.g. `authenticated.heartbeat.waiting`; the machine itself as `#id`. */
  readonly from: string;
  /** Its targets; empty for one that stays where it is. */
  readonly to: readonly string[];
  /** The event as the chart has it (`*` for any), or `always`. */
  readonly on: string;
  /** Which of the state's transitions on this event it is, in the order in which they are tried, from 0. */
  readonly branch: number;
  readonly guard?: string;
  readonly actions?: readonly string[];
}

/** One event that an actor handled. Of the event only its type is known here: what it carried is never kept. */
export interface ActorTransition {
  /** Counts what the actor handled and raised, under all its lives, from 1. */
  readonly number: number;
  /** ms since the Unix epoch. */
  readonly at: number;
  readonly incarnation: number;
  readonly event: string;
  /** True for one that the machine raised itself while it handled the one before. */
  readonly raised: boolean;
  /** True when the machine had no transition for it where it was. */
  readonly rejected: boolean;
  /** True when the actor's life ended in failure with it. */
  readonly failed: boolean;
  /** The edges taken, in order; none when it was rejected, or where the actor is no machine. */
  readonly edges: readonly ActorEdge[];
  /** How many more edges there were than are kept; absent when there were none. */
  readonly edgesOmitted?: number;
  /** The machine's state after it; absent where there is none. */
  readonly state?: string;
  /** How long it was handled; absent for one that was raised, which counts with the one before. */
  readonly durationMs?: number;
}

/** A state that an actor was in. */
export interface ActorStay {
  /** When it entered the state, ms since the Unix epoch. */
  readonly at: number;
  readonly incarnation: number;
  readonly state: string;
}

/** An actor with its past. */
export interface ActorDetail extends ActorNode {
  /** The states it was in, with those between its lives, newest first; at most 32. */
  readonly states: readonly ActorStay[];
  /** The events it handled, newest first; at most 64. */
  readonly transitions: readonly ActorTransition[];
  /** What a person may do with it as it is now. */
  readonly acts?: readonly ActOffer[];
}

/** Something that may be done with an actor as it is now. */
export interface ActOffer {
  readonly act: Exclude<ActName, 'suspend'>;
  /** Of a `send`. */
  readonly event?: string;
}

/** An act as it is asked for. */
export interface ActRequest {
  /** The actor's path; a supervisor's means its branch. */
  readonly actor: string;
  readonly act: ActName;
  readonly event?: string;
  readonly reason?: string;
  /** The installation whose actor it is. @default this one */
  readonly process?: string;
}

/** What came of an act so far. */
export interface ActReport {
  /** Under way where it takes longer than one waits for it: what comes of it then, the list of acts says. */
  readonly act: Act;
  /** `later`: the database is away, and hears of it when it is back. */
  readonly audited: 'now' | 'later';
  /** Present where it would cut off the answer to whoever asked: to be called once that is out. */
  readonly begin?: () => void;
}

/** What people do, done and written down. */
export interface Acts {
  /**
   * @throws NOT_FOUND when there is no such actor or process, SUPERVISION_REFUSED, EVENT_NOT_TAKEN; for another process also ACT_EXPIRED and
   *   STORE_UNAVAILABLE
   */
  perform(request: ActRequest, asker: ActAsker): Promise<ActReport>;
  /** Does something else that is written down as an act. @param detail of what came of it @throws what the work throws */
  witness<T>(
    act: 'purge' | 'replay',
    asked: JsonObject,
    asker: ActAsker,
    work: () => Promise<T>,
    detail: (result: T) => JsonObject,
  ): Promise<T>;
}

/** A process of this database, as one of them tells of it. */
export interface KnownProcess extends Omit<ProcessRow, 'seenAgeMs'> {
  /** How long ago it said that it is there; 0 of the one that tells. */
  readonly seenAgoMs: number;
  /** It has missed two beats: what is known of it is of then. */
  readonly stale: boolean;
  /** It is the one that tells. */
  readonly self: boolean;
}

/** What is told of another process's actors, and how old that is. */
export interface RemoteView<T> {
  /** Its own wall clock when it said so, ms since the Unix epoch: the times within are by that clock. */
  readonly at: number;
  readonly seenAgoMs: number;
  readonly stale: boolean;
  /** Undefined where the process says that there is no such actor. */
  readonly value: T | undefined;
}

/** The processes of this database, and their actors. */
export interface Processes {
  /** This one first, then the others, the oldest first. While the database is away: as they were, with their age. */
  list(): Promise<KnownProcess[]>;
  /** Whether an id is this process's own: its tree is at hand. */
  isSelf(id: string): boolean;
  /** @throws NOT_FOUND where there is no such process, PROCESS_SILENT where it does not answer, STORE_UNAVAILABLE */
  tree(id: string): Promise<RemoteView<ActorNode>>;
  /** As {@link Processes.tree}. */
  actor(id: string, path: string): Promise<RemoteView<ActorDetail>>;
}

/** The actor system as others may see it. */
export interface ActorSystemView {
  tree(): ActorNode;
  /** @param path as in {@link ActorNode} */
  find(path: string): ActorDetail | undefined;
}

/** A hole in what was received, with what is known of it. */
export interface OpenGap {
  /** `account`, or `channel:<chatId>`. */
  readonly box: string;
  readonly ageMs: number;
  /** `hole`, `too-long`, `overflow`, `connected` or `silence`. */
  readonly reason: string;
  /** In the box's pts; `to` is null where it is not known. */
  readonly from: number;
  readonly to: number | null;
}

/** What became of gaps. */
export interface GapCounts {
  readonly detected: number;
  readonly healed: number;
  /** By how much pts moved over what Telegram does not tell any more, and updates that could not be stored. */
  readonly missing: number;
}

/** How one kind of call stands with Telegram's flood control. */
interface FloodHealth {
  /** A method of {@link TelegramCalls}. */
  readonly method: string;
  /** How often Telegram asked to wait. */
  readonly waits: number;
  /** How long it still wants to be left alone, in ms; 0 when the wait is over. */
  readonly leftMs: number;
}

/** How an account's connection is, with the evidence. Ages are ms; null when there was none yet. */
export interface AccountHealth {
  readonly id: string;
  /**
   * A state of `connection.machine`, or of the account's lease: `awaiting-lease` and `lease-lost`; `suspended` where somebody stopped it; where another process serves it also `unserved`,
   * and `unknown` while that one has not been heard of lately.
   */
  readonly state: string;
  /** ms since the Unix epoch. */
  readonly since: number;
  readonly lastPongAgeMs: number | null;
  readonly lastRpcAgeMs: number | null;
  readonly lastUpdateAgeMs: number | null;
  /** Present while calls to Telegram are refused because they kept failing, or one is tried again. */
  readonly breaker?: 'open' | 'half-open';
  /** Kinds of calls that Telegram has asked to wait with, since the process began; absent where there are none. */
  readonly floods?: readonly FloodHealth[];
  /** Kinds of calls in which Telegram has limited the account (PEER_FLOOD, FROZEN_METHOD_INVALID); absent where there are none. */
  readonly limited?: readonly { readonly method: string; readonly since: number; readonly reason: string }[];
  /** Known gaps in what was received that are not filled yet. */
  readonly gaps: number;
  /** The oldest of them, at most 10; absent where there are none. */
  readonly openGaps?: readonly OpenGap[];
  /** What became of gaps since the process began, by kind of box; absent where it is not known. */
  readonly gapCounts?: Readonly<Record<'account' | 'channel', GapCounts>>;
  readonly reason?: string;
  /** The Telegram user that the account is; absent before its first login. */
  readonly userId?: number;
  /** Who serves it; absent where that is the process that tells, or nobody. */
  readonly lease?: LeaseHealth;
}

/** An account's lease as whoever reads of it in the database sees it. Ages are ms. */
export interface LeaseHealth {
  /** The installation that holds it, or held it last. */
  readonly worker: string;
  /** Its fencing token. */
  readonly token: number;
  /** How long it lasts; negative once it is over, and another worker may take the account. */
  readonly expiresInMs: number;
  /** How old is what its worker said of the account; null before it said anything. */
  readonly evidenceAgeMs: number | null;
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

import { createMemoryCounter } from '../../src/actors/cache/memory.counter.ts';
import { createWindowReader } from '../../src/actors/cache/window-reader.ts';
import { EventHub } from '../../src/actors/events/event-hub.ts';
import { EventSource } from '../../src/actors/events/event-subscription.ts';
import { getChannels } from '../../src/actors/jobs/actions/get-channels.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { createIntake } from '../../src/actors/jobs/intake.ts';
import { ProcessDirectory } from '../../src/actors/processes/process-directory.ts';
import { TransitionTap } from '../../src/actors/transition-tap.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { AccessConfig } from '../../src/config.ts';
import type { Token } from '../../src/config-values.ts';
import { VigiliaError } from '../../src/errors.ts';
import { GatewayTokens } from '../../src/gateway-tokens.ts';
import type { GatewayDeps } from '../../src/http/gateway-deps.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import type {
  ActorDetail,
  ActorNode,
  Cache,
  ChannelRef,
  HealthReport,
  HoursQuery,
  Intake,
  Job,
  JobRequest,
  JobStatus,
  JsonObject,
  Message,
  MessagePlace,
  MessageQuery,
  ProcessDesk,
  ProcessFigures,
  SearchQuery,
  StoredChannel,
  StreamEvent,
  Window,
} from '../../src/ports.ts';
import { ScriptedLogins } from './scripted-logins.ts';

/** How the house's process gets on. */
export const FIGURES: ProcessFigures = {
  lag: { p50Ms: 0.1, p99Ms: 2, maxMs: 40 },
  busy: 0.02,
  memory: { rssBytes: 90_000_000, heapUsedBytes: 30_000_000 },
};

/** What a test has otherwise than the house has it. */
export interface HouseChanges extends Partial<Omit<GatewayDeps, 'tokens' | 'access'>> {
  readonly tokens?: readonly Token[] | GatewayTokens;
  readonly access?: Partial<AccessConfig>;
}

/** What lies below the HTTP floor, in memory: just what that floor asks, and ways to break it. */
export class HttpHouse {
  readonly jobs = new Map<string, Job>();
  readonly channels: StoredChannel[] = [];
  /** Of all channels, in any order. */
  readonly messages: Message[] = [];
  readonly submitted: JobRequest[] = [];
  /** How often chance was asked for. */
  #drawn = 0;
  readonly windows = new Map<number, Window>();
  /** By account: channels that it does not follow. */
  readonly unfollowed = new Map<string, Set<number>>([['main', new Set()]]);
  /** By account: the channels that it has met; an account that is not in here has met all. */
  readonly met = new Map<string, readonly number[]>();
  readonly logins = new ScriptedLogins();
  /** The stream from its first position on, and from where on it is kept. */
  readonly events: StreamEvent[] = [];
  oldestEvent = 1;
  readonly hub: EventHub = new EventHub(() => {
    if (this.hub.head === undefined) this.hub.begin(this.events.length);
  });
  /** Where other processes say that they are there; none, where the database is this process's alone. */
  desk: Pick<ProcessDesk, 'processes' | 'lookAt'> | undefined;
  readonly log: Log = silentLog;
  readonly asked = { store: 0 };
  clock: Clock = systemClock;
  /** What every call to the store waits for first; make it reject, or never resolve, to break the store. */
  storeGate: () => Promise<void> = async () => {};
  cacheGate: () => Promise<void> = async () => {};
  report: HealthReport = healthReport('ok');
  tree: ActorNode = node('root', 'supervisor', [
    node('root/accounts', 'supervisor', [node('root/accounts/main', 'connection', [])]),
  ]);
  /** What every actor of the tree did. */
  past: Pick<ActorDetail, 'states' | 'transitions'> = { states: [], transitions: [] };

  readonly store = {
    proveWrite: () => this.#store(),
    countJobs: async () => {
      await this.#store();
      const counts: Record<JobStatus, number> = {
        queued: 0,
        processing: 0,
        delayed: 0,
        parked: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
      };
      for (const job of this.jobs.values()) counts[job.status] += 1;
      return counts;
    },
    readEvents: async (after: number, limit: number) => {
      await this.#store();
      const kept = this.events.filter(({ position }) => position >= this.oldestEvent && position > after);
      return { events: kept.slice(0, limit), head: this.events.length, oldest: this.oldestEvent };
    },
    streamState: async () => {
      await this.#store();
      return { head: this.events.length, oldest: this.oldestEvent, waiting: 0, waitingSince: null };
    },
    listActs: async () => {
      await this.#store();
      return [];
    },
    findJob: async (id: string) => {
      await this.#store();
      return this.jobs.get(id);
    },
    listJobs: async ({ limit }: { limit: number }) => {
      await this.#store();
      return [...this.jobs.values()].slice(0, limit);
    },
    jobEvents: async () => {
      await this.#store();
      return [];
    },
    findChannel: async (ref: ChannelRef) => {
      await this.#store();
      return this.channels.find((channel) => names(ref, channel));
    },
    listChannels: async (limit: number, after?: number, accountId?: string) => {
      await this.#store();
      const seen = this.channels.filter(({ chatId }) => this.#hasMet(accountId, chatId));
      const sorted = seen.toSorted((a, b) => a.title.localeCompare(b.title) || a.chatId - b.chatId);
      const start = after === undefined ? 0 : sorted.findIndex(({ chatId }) => chatId === after) + 1;
      return sorted.slice(start, start + limit);
    },
    listAccounts: async () => {
      await this.#store();
      return [...this.unfollowed.keys()];
    },
    unfollowing: async (accountIds: readonly string[], chatId: number) => {
      await this.#store();
      return accountIds.filter((id) => this.unfollowed.get(id)?.has(chatId));
    },
    setFollowed: async (accountIds: readonly string[], chatId: number, followed: boolean) => {
      await this.#store();
      for (const id of accountIds) {
        if (followed) this.unfollowed.get(id)?.delete(chatId);
        else this.unfollowed.get(id)?.add(chatId);
      }
    },
    accountsKnowing: async (ref: ChannelRef) => {
      await this.#store();
      const channel = this.channels.find((one) => names(ref, one));
      return [...this.unfollowed.keys()].filter((id) => channel !== undefined && this.#hasMet(id, channel.chatId));
    },
    searchMessages: async ({ text, limit, before, accountId }: SearchQuery) => {
      await this.#store();
      const key = ({ date, chatId, id }: MessagePlace): number[] => [date, chatId, id];
      return this.messages
        .filter((message) => message.text.toLowerCase().includes(text.toLowerCase()) && this.#hasMet(accountId, message.chatId))
        .filter((message) => before === undefined || inOrder(key(message), key(before)) < 0)
        .sort((a, b) => inOrder(key(b), key(a)))
        .slice(0, limit);
    },
    countMessages: async (chatId: number) => {
      await this.#store();
      return this.messages.filter((message) => message.chatId === chatId).length;
    },
    messagesPerHour: async ({ chatId, from, to }: HoursQuery) => {
      await this.#store();
      const hourOf = ({ date }: Message): number => Math.floor(date / 3600) * 3_600_000;
      const own = this.messages.filter((message) => message.chatId === chatId).map(hourOf);
      return [...new Set(own)]
        .filter((hour) => hour >= from && hour < to)
        .sort((a, b) => a - b)
        .map((hour) => ({ hour, messages: own.filter((one) => one === hour).length }));
    },
    readMessages: async ({ chatId, before, after, limit, search }: MessageQuery) => {
      await this.#store();
      const found = this.messages
        .filter((message) => message.chatId === chatId && message.id < (before ?? Infinity) && message.id > (after ?? -Infinity))
        .filter(({ text }) => search === undefined || text.toLowerCase().includes(search.toLowerCase()))
        .sort((a, b) => b.id - a.id);
      return after === undefined ? found.slice(0, limit) : found.slice(Math.max(0, found.length - limit));
    },
  };

  readonly cache: Cache = {
    kind: 'in-process',
    window: async (ref) => {
      await this.cacheGate();
      return [...this.windows.values()].find(({ channel }) => names(ref, channel));
    },
    held: async (chatId) => this.windows.get(chatId),
    mark: () => '',
    forgetAll: async () => this.windows.clear(),
    putWindow: async (window) => {
      await this.cacheGate();
      this.windows.set(window.channel.chatId, window);
    },
    dropWindow: async (chatId) => void this.windows.delete(chatId),
    close: async () => {},
  };

  /** Something happens: it is in the store, and the reader has brought it. */
  tell(topic: string, payload: JsonObject = {}): void {
    const event = { position: this.events.length + 1, topic, payload, at: 1_700_000_000_000 };
    this.events.push(event);
    if (this.hub.head !== undefined) this.hub.append([event]);
  }

  deps({ tokens = [], access = {}, ...changes }: HouseChanges = {}): GatewayDeps {
    const clock = this.clock;
    const system = {
      tree: () => this.tree,
      find: (path: string): ActorDetail | undefined => {
        const found = flat(this.tree).find((one) => one.path === path);
        return found && { ...found, ...this.past };
      },
    };
    const health = (): HealthReport => this.report;
    const figures = (): ProcessFigures => FIGURES;
    const self = { id: 'self', role: 'all', host: 'here', pid: 1, version: '0.1.0' };
    return {
      clock,
      log: this.log,
      host: '127.0.0.1',
      tokens: tokens instanceof GatewayTokens ? tokens : new GatewayTokens(tokens),
      access: { jwt: null, rateLimit: 6_000, failureLimit: 30, corsOrigins: [], trustedProxies: [], ...access },
      counter: createMemoryCounter(clock),
      store: this.store,
      system,
      health,
      processes: new ProcessDirectory({ clock, store: this.desk, self, figures, heldAccounts: () => ['main'] }),
      intake: this.#intake(clock),
      acts: { perform: this.#refuse, witness: (_act, _asked, _asker, work) => work() },
      transitions: new TransitionTap(clock),
      desk: { cancel: this.#refuse, retry: this.#refuse, replay: this.#refuse, purge: this.#refuse },
      reader: createWindowReader(this.cache, this.store, clock, this.log),
      logins: this.logins,
      accounts: this.logins,
      events: new EventSource(this.hub, this.store),
      metrics: createMetrics({ store: this.store, system, health, figures, events: () => this.hub.figures }, clock, this.log),
      ...changes,
    };
  }

  #hasMet(accountId: string | undefined, chatId: number): boolean {
    return accountId === undefined || (this.met.get(accountId)?.includes(chatId) ?? true);
  }

  async #store(): Promise<void> {
    this.asked.store += 1;
    await this.storeGate();
  }

  /** What people do with jobs is tried on a real store. */
  readonly #refuse = async (): Promise<never> => {
    await this.#store();
    throw new VigiliaError('INTERNAL', 'this house has no desk for jobs');
  };

  /** The real one, over what is stored here. */
  #intake(clock: Clock): Intake {
    const intake = createIntake({
      clock,
      entropy: (bytes) => new Uint8Array(bytes).fill(this.#drawn++ % 32),
      store: {
        insertJobs: async (submissions) => {
          await this.#store();
          return submissions.map(({ job: { id, action, params } }) => {
            this.jobs.set(id, aJob({ id, action, params }));
            return { kind: 'stored', jobId: id };
          });
        },
        findSubmission: async () => {
          await this.#store();
          return undefined;
        },
        listAccounts: async () => [...this.unfollowed.keys(), ...this.met.keys()],
      },
      actions: new Map([syncMessages, getChannels].map((action) => [action.name, action])),
      defaultAccount: 'main',
      nudge: () => {},
    });
    const submit: Intake['submit'] = async (request, options) => {
      const submitted = await intake.submit(request, options);
      this.submitted.push(request);
      return submitted;
    };
    return { ...intake, submit };
  }
}

function names(ref: ChannelRef, { chatId, username }: StoredChannel): boolean {
  return ref.kind === 'id' ? ref.chatId === chatId : ref.username.toLowerCase() === username?.toLowerCase();
}

function inOrder(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, place) => value !== b[place]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function flat(one: ActorNode): ActorNode[] {
  return [one, ...one.children.flatMap(flat)];
}

export function node(path: string, kind: string, children: readonly ActorNode[]): ActorNode {
  const events = { handled: 0, rejected: 0, perSecond: 0 };
  return { path, kind, state: 'running', since: 1_700_000_000_000, incarnation: 1, restarts: 0, events, children };
}

export function healthReport(status: HealthReport['status']): HealthReport {
  const up = { kind: 'in-process', state: 'up', since: 1_700_000_000_000 };
  return {
    status,
    simulated: true,
    world: { kind: 'simulator', id: 'abc' },
    role: 'all',
    version: '0.1.0',
    uptimeMs: 1000,
    accounts: [
      {
        id: 'main',
        state: status === 'down' ? 'backoff' : 'authenticated',
        since: 1_700_000_000_000,
        lastPongAgeMs: 12_000,
        lastRpcAgeMs: 100,
        lastUpdateAgeMs: null,
        gaps: 0,
      },
    ],
    dependencies: { store: up, broker: up, cache: up },
    notes: [],
  };
}

export function aChannel(changes: Partial<StoredChannel> = {}): StoredChannel {
  return {
    chatId: -1001032086354,
    username: 'habr_com',
    title: 'Хабр',
    kind: 'channel',
    about: null,
    participants: 100,
    revision: 1,
    syncedAt: null,
    syncedDepth: 0,
    complete: false,
    ...changes,
  };
}

export function aMessage(id: number, changes: Partial<Message> = {}): Message {
  return {
    chatId: -1001032086354,
    id,
    date: 1_600_000_000 + id,
    editDate: null,
    pts: 0,
    kind: 'message',
    text: `message ${id}`,
    entities: [],
    fromId: null,
    replyToId: null,
    views: null,
    media: null,
    raw: {},
    ...changes,
  };
}

export function aJob(changes: Partial<Job> = {}): Job {
  return {
    id: 'sync-1',
    action: 'sync-messages',
    params: {},
    accountId: 'main',
    status: 'queued',
    priority: 5,
    attempts: 0,
    claims: 0,
    lostInARow: 0,
    claim: null,
    dueAt: 1_700_000_000_000,
    progress: null,
    checkpoint: null,
    result: null,
    error: null,
    reason: null,
    cancelRequested: false,
    machineVersion: 1,
    version: 1,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    endedAt: null,
    ...changes,
  };
}

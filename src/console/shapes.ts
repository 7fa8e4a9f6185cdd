/** What the gateway answers, as far as this page reads it. The schemas are in `/openapi.json`. */

export interface AccountEvidence {
  readonly id: string;
  readonly state: string;
  readonly since: number;
  readonly reason?: string;
  readonly lastPongAgeMs: number | null;
  readonly lastUpdateAgeMs: number | null;
  readonly gaps: number;
  readonly gapCounts?: Readonly<Record<string, { readonly detected: number; readonly healed: number; readonly missing: number }>>;
}

export interface DependencyEvidence {
  readonly kind: string;
  readonly state: string;
  readonly since: number;
  readonly reason?: string;
  readonly latencyMs?: number;
  readonly lastAnswerAgeMs?: number;
}

export interface Health {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly simulated: boolean;
  readonly role: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly accounts: readonly AccountEvidence[];
  readonly dependencies: Readonly<Record<string, DependencyEvidence>>;
  readonly notes: readonly string[];
}

export interface ChannelRow {
  readonly id: number;
  readonly username: string | null;
  readonly title: string;
  readonly kind: string;
  readonly participants: number | null;
  readonly messages?: number;
  readonly syncedAt: string | null;
  readonly complete: boolean;
}

export interface MessageRow {
  readonly id: number;
  readonly channelId: number;
  readonly date: string;
  readonly editDate: string | null;
  readonly kind: 'message' | 'service';
  readonly text: string;
  readonly views: number | null;
  readonly media: string | null;
}

export interface JobRow {
  readonly jobId: string;
  readonly action: string;
  readonly params: unknown;
  readonly accountId: string;
  readonly status: string;
  readonly progress: { readonly done: number; readonly total: number | null } | null;
  readonly attempts: number;
  readonly reason: string | null;
  readonly cancelRequested: boolean;
  readonly result?: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly nextAttemptAt: string | null;
}

/** A line of a job's history. */
export interface JobEvent {
  readonly id: number;
  readonly event: string;
  readonly from: string;
  readonly to: string;
  readonly at: string;
  readonly detail: {
    readonly done?: number;
    readonly total?: number | null;
    readonly error?: { readonly code: string; readonly message: string };
  };
}

export interface LoginState {
  readonly accountId: string;
  readonly method: 'code' | 'qr';
  readonly state: string;
  readonly phone: string | null;
  readonly code: {
    readonly via: string;
    readonly length: number | null;
    readonly nextVia: string | null;
    readonly resendAt: string | null;
  } | null;
  readonly triesLeft: number | null;
  readonly passwordHint: string | null;
  readonly qr: { readonly url: string; readonly svg: string; readonly expiresAt: string } | null;
  readonly waitUntil: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A process of the gateway's database. */
export interface ProcessRow {
  readonly id: string;
  readonly self: boolean;
  readonly role: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  readonly seenAgoMs: number;
  readonly stale: boolean;
  readonly accounts: readonly string[];
  readonly lag: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
  readonly busy: number;
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number };
}

export interface ActorNode {
  readonly path: string;
  readonly kind: string;
  readonly state: string;
  readonly since: number;
  readonly incarnation: number;
  readonly restarts: number;
  readonly nextStartAt?: number;
  readonly supervision?: {
    readonly strategy: string;
    readonly maxRestarts: number;
    readonly periodMs: number;
    readonly restarts: number;
    readonly quarantines: boolean;
  };
  readonly events: { readonly handled: number; readonly rejected: number; readonly perSecond: number };
  readonly queued?: number;
  readonly lastExit?: { readonly at: number; readonly reason: string; readonly causes: readonly string[] };
  readonly context?: Readonly<Record<string, unknown>>;
  readonly children: readonly ActorNode[];
}

export interface EdgeName {
  readonly from: string;
  readonly to: readonly string[];
  readonly on: string;
  readonly branch: number;
}

export interface Transition {
  readonly number: number;
  readonly at: number;
  readonly incarnation: number;
  readonly event: string;
  readonly raised: boolean;
  readonly rejected: boolean;
  readonly failed: boolean;
  readonly edges: readonly EdgeName[];
  readonly state?: string;
  readonly durationMs?: number;
}

export interface ActorDetail extends ActorNode {
  /** Of another process that has not been heard of for a while. */
  readonly stale?: boolean;
  readonly transitions: readonly Transition[];
  readonly acts?: readonly ActOffer[];
}

/** Something that may be done with an actor as it is. */
export interface ActOffer {
  readonly act: 'restart' | 'stop' | 'resume' | 'send';
  readonly event?: string;
}

export interface ActRow {
  readonly id: string;
  readonly at: string;
  readonly by: { readonly id: string; readonly by: string; readonly address: string | null };
  readonly process: string;
  readonly actor: string | null;
  readonly act: string;
  readonly event: string | null;
  readonly reason: string | null;
  readonly detail: { readonly done?: number } | null;
  readonly outcome: string;
  readonly code: string | null;
  readonly why: string | null;
  readonly finishedAt: string | null;
}

/** Who looks at this page. */
export interface Caller {
  readonly id: string;
  readonly scope: 'read' | 'write' | 'admin';
  readonly by: 'token' | 'jwt' | 'local';
}

/** An event of `GET …/events`. */
export interface ToldEvent {
  readonly id: number;
  readonly topic: string;
  readonly at: string;
  readonly channelId?: number;
  readonly message?: MessageRow;
  readonly ids?: readonly number[];
  readonly jobId?: string;
  readonly [field: string]: unknown;
}

import type { WindowReader } from '../actors/cache/window-reader.ts';
import type { EventSource } from '../actors/events/event-subscription.ts';
import type { TransitionTap } from '../actors/transition-tap.ts';
import type { Clock } from '../clock.ts';
import type { AccessConfig } from '../config.ts';
import type { GatewayTokens } from '../gateway-tokens.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type {
  Accounts,
  ActorSystemView,
  Acts,
  HealthReport,
  Intake,
  JobDesk,
  Logins,
  Processes,
  RateCounter,
  Store,
} from '../ports.ts';

/** What both listeners need: the gateway's, and the worker's for its operators. */
export interface OpsDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Where it listens: off loopback nothing but probes goes without a token. */
  readonly host: string;
  readonly tokens: GatewayTokens;
  readonly access: AccessConfig;
  /** Counts what each caller asks. */
  readonly counter: RateCounter;
  readonly store: Pick<Store, 'proveWrite' | 'listActs'>;
  readonly system: ActorSystemView;
  /** What people do to actors, done and written down. */
  readonly acts: Acts;
  /** What actors do, as they do it. */
  readonly transitions: TransitionTap;
  /** The processes that share the database, this one among them. */
  readonly processes: Processes;
  /** What can be served now. In a gateway of its own it is put together from the workers' rows. */
  health(): HealthReport | Promise<HealthReport>;
  readonly metrics: Metrics;
  /** Where the drawings of the state charts are. @default where the build puts them */
  readonly drawings?: URL;
  /**
   * Deadlines of a request's arrival.
   * @default 10 s for the headers, 30 s for all of it, looked at every 5 s
   */
  readonly arrival?: { readonly headersMs: number; readonly requestMs: number; readonly checkEveryMs: number };
}

/** What the gateway needs. */
export interface GatewayDeps extends OpsDeps {
  /** Where the page is. @default where the build puts it */
  readonly console?: URL;
  readonly intake: Intake;
  readonly desk: JobDesk;
  readonly reader: WindowReader;
  /** What happens, for those who listen. */
  readonly events: EventSource;
  /** Event streams that may be open at a time: each holds a socket. @default 2000 */
  readonly mostStreams?: number;
  readonly logins: Logins;
  readonly accounts: Accounts;
  readonly store: Pick<
    Store,
    | 'proveWrite'
    | 'listActs'
    | 'findJob'
    | 'listJobs'
    | 'jobEvents'
    | 'countJobs'
    | 'listChannels'
    | 'countMessages'
    | 'searchMessages'
    | 'accountsKnowing'
    | 'messagesPerHour'
    | 'listAccounts'
    | 'unfollowing'
    | 'setFollowed'
  >;
}

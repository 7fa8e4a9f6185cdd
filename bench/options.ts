import { parseArgs } from 'node:util';
import type { AccountsOptions } from './accounts/accounts.ts';
import type { HistoryOptions } from './history/history.ts';
import { HISTORY_PEERS, type HistoryPeer } from './history/history-peers.ts';
import type { JobsOptions } from './jobs/jobs.ts';
import { LIVE_PEERS, type LiveOptions, type LivePeer } from './live/live.ts';
import { READS_PEERS, type ReadsOptions, type ReadsPeer } from './reads/reads.ts';
import type { RuntimeOptions } from './runtime/runtime.ts';
import { MESSAGE_KINDS, type MessageKind } from './simulator/world.ts';
import type { SoakOptions } from './soak/soak-report.ts';
import type { StartOptions } from './start/start.ts';
import type { StoreOptions } from './store/store.ts';

/** What `npm run bench` is told to do. */
export type Command =
  | { readonly name: 'accounts'; readonly options: AccountsOptions; readonly output: string | undefined }
  | { readonly name: 'history'; readonly options: HistoryOptions; readonly output: string | undefined }
  | { readonly name: 'jobs'; readonly options: JobsOptions; readonly output: string | undefined }
  | { readonly name: 'live'; readonly options: LiveOptions; readonly output: string | undefined }
  | { readonly name: 'reads'; readonly options: ReadsOptions; readonly output: string | undefined }
  | { readonly name: 'runtime'; readonly options: RuntimeOptions; readonly output: string | undefined }
  | { readonly name: 'soak'; readonly options: SoakOptions; readonly output: string | undefined }
  | { readonly name: 'start'; readonly options: StartOptions; readonly output: string | undefined }
  | { readonly name: 'store'; readonly options: StoreOptions; readonly output: string | undefined };

/** The command line is not one: the message says why. */
export class UsageError extends Error {}

export const HELP = `npm run bench -- accounts|history|jobs|live|reads|runtime|soak|start|store [options]

  accounts           memory and CPU of idle accounts in one worker, and a killed worker until all are back
      --counts A,B   accounts (default: 1,10,100,500)
      --rest N       seconds of rest before memory is read (default: 30)
  history            reads 50,000 messages: bare GramJS, the same with our speed module, Vigília into PGlite and into PostgreSQL
      --messages N   in a channel (default: 50000)
      --rounds N     (default: 5)
      --only KIND    ${MESSAGE_KINDS.join(' or ')} messages alone
      --peers A,B    of ${HISTORY_PEERS.join(', ')}; ratios are against the first
      --seed N       of the world (default: 1)
  jobs               accepting jobs over HTTP, and running empty ones, beside BullMQ
      --rounds N     (default: 3)
      --seconds N    of each load (default: 6)
      --rate N       requests a second of the steady load (default: 1000)
      --connections N  (default: 32)
      --jobs N       empty jobs in a sample of ours; of BullMQ twice as many (default: 9000)
  live               from a post at the server to a subscriber of events, and a killed worker until it has caught up
      --rounds N     (default: 3)
      --seconds N    at each rate (default: 10)
      --rates A,B    posts a second (default: 10,100,500,1000)
      --peers A,B    of ${LIVE_PEERS.join(', ')}
      --kills N      of a worker (default: 10)
  reads              cached reads over HTTP, beside Redis behind Fastify
      --rounds, --seconds, --rate, --connections   as of jobs
      --peers A,B    of ${READS_PEERS.join(', ')}
  runtime            spawn, restart and send: supervised, and as bare XState actors
      --rounds N     (default: 9)
      --count N      spawns, restarts and hundreds of sends in a sample (default: 2000)
      --rest N       seconds over which CPU time at rest is taken (default: 60)
  soak               a worker and a gateway at work: what they hold, and that they do not grow
      --minutes N    (default: 5)
      --posts N      a second (default: 20)
      --reads N      a second (default: 100)
  start              from the process's start to an authenticated account, and memory at rest
      --rounds N     (default: 5)
      --rest N       seconds of rest before memory is read (default: 30)
  store              polling against a query a poll, de-duplication, analytics
      --rounds N     (default: 3)
      --messages N   of which the analytics are asked (default: 1000000)
      --post-every N seconds between two posts of a channel that is polled, on average (default: 60)

  --output FILE      where the results go (default: bench/RESULTS.md, which only a run with all defaults should touch); - for stdout
`;

/** @throws UsageError */
export function readCommand(args: readonly string[]): Command {
  const text = { type: 'string' } as const;
  let parsed: ReturnType<typeof parse>;
  function parse() {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      strict: true,
      options: {
        messages: text,
        rounds: text,
        only: text,
        peers: text,
        seed: text,
        count: text,
        counts: text,
        rest: text,
        seconds: text,
        rates: text,
        rate: text,
        connections: text,
        jobs: text,
        minutes: text,
        posts: text,
        reads: text,
        'post-every': text,
        kills: text,
        output: text,
      },
    });
  }
  try {
    parsed = parse();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values, positionals } = parsed;
  const [name, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`${more.join(' ')} means nothing here`);
  const allow = (...names: readonly (keyof typeof values)[]): void => {
    for (const given of Object.keys(values) as (keyof typeof values)[])
      if (given !== 'output' && !names.includes(given)) throw new UsageError(`${name} takes no --${given}`);
  };
  const { output } = values;
  switch (name) {
    case 'accounts':
      allow('counts', 'rest');
      return {
        name,
        output,
        options: {
          counts: (values.counts ?? '1,10,100,500').split(',').map((number) => count('counts', number, 1)),
          restSeconds: count('rest', values.rest, 30),
        },
      };
    case 'history':
      allow('messages', 'rounds', 'only', 'peers', 'seed');
      return {
        name,
        output,
        options: {
          messages: count('messages', values.messages, 50_000),
          rounds: count('rounds', values.rounds, 5),
          kinds: values.only === undefined ? MESSAGE_KINDS : listOf<MessageKind>('only', values.only, MESSAGE_KINDS),
          peers: values.peers === undefined ? HISTORY_PEERS : listOf<HistoryPeer>('peers', values.peers, HISTORY_PEERS),
          seed: count('seed', values.seed, 1),
        },
      };
    case 'jobs':
      allow('rounds', 'seconds', 'rate', 'connections', 'jobs');
      return { name, output, options: { ...loads(values), jobs: count('jobs', values.jobs, 9_000) } };
    case 'live':
      allow('rounds', 'seconds', 'rates', 'peers', 'kills');
      return {
        name,
        output,
        options: {
          rounds: count('rounds', values.rounds, 3),
          seconds: count('seconds', values.seconds, 10),
          ratesPerSecond: (values.rates ?? '10,100,500,1000').split(',').map((rate) => count('rates', rate, 1)),
          peers: values.peers === undefined ? LIVE_PEERS : listOf<LivePeer>('peers', values.peers, LIVE_PEERS),
          kills: count('kills', values.kills, 10),
        },
      };
    case 'reads':
      allow('rounds', 'seconds', 'rate', 'connections', 'peers');
      return {
        name,
        output,
        options: {
          ...loads(values),
          peers: values.peers === undefined ? READS_PEERS : listOf<ReadsPeer>('peers', values.peers, READS_PEERS),
        },
      };
    case 'runtime':
      allow('rounds', 'count', 'rest');
      return {
        name,
        output,
        options: {
          rounds: count('rounds', values.rounds, 9),
          count: count('count', values.count, 2_000),
          restSeconds: count('rest', values.rest, 60),
        },
      };
    case 'soak':
      allow('minutes', 'posts', 'reads');
      return {
        name,
        output,
        options: {
          minutes: count('minutes', values.minutes, 5),
          posts: count('posts', values.posts, 20),
          reads: count('reads', values.reads, 100),
        },
      };
    case 'start':
      allow('rounds', 'rest');
      return {
        name,
        output,
        options: { rounds: count('rounds', values.rounds, 5), restSeconds: count('rest', values.rest, 30) },
      };
    case 'store':
      allow('rounds', 'messages', 'post-every');
      return {
        name,
        output,
        options: {
          rounds: count('rounds', values.rounds, 3),
          messages: count('messages', values.messages, 1_000_000),
          postSeconds: count('post-every', values['post-every'], 60),
        },
      };
    default:
      throw new UsageError(name === undefined ? 'say which benchmark' : `there is no benchmark ${name}`);
  }
}

/** What the loads of `jobs` and `reads` have in common. */
function loads(values: Readonly<Partial<Record<'rounds' | 'seconds' | 'rate' | 'connections', string>>>) {
  return {
    rounds: count('rounds', values.rounds, 3),
    seconds: count('seconds', values.seconds, 6),
    warmUpSeconds: 2,
    perSecond: count('rate', values.rate, 1_000),
    connections: count('connections', values.connections, 32),
  };
}

function count(name: string, value: string | undefined, byDefault: number): number {
  const number = value === undefined ? byDefault : Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 1_000_000)
    throw new UsageError(`--${name} is a whole number from 1 to 1000000, not ${value}`);
  return number;
}

function listOf<Word extends string>(name: string, value: string, known: readonly Word[]): readonly Word[] {
  const words = [...new Set(value.split(','))];
  for (const word of words)
    if (!(known as readonly string[]).includes(word)) throw new UsageError(`--${name}: ${word} is none of ${known.join(', ')}`);
  return words as Word[];
}

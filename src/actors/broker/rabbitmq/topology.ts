import type { Channel } from 'amqplib';
import type { Clock } from '../../../clock.ts';
import type { Log } from '../../../log.ts';
import type { AmqpSocket } from './amqp-socket.ts';
import { within } from './deadline.ts';
import { REPLY, refused, replyCode, translated } from './rabbit-errors.ts';

/** The value of a queue's argument. */
type Argument = string | number | boolean;

/** A queue, as it is wanted. */
interface QueueSpec {
  readonly name: string;
  /** Quorum queues survive the loss of a node; an `exclusive` one is classic, belongs to one connection, and ends with it. */
  readonly type: 'quorum' | 'exclusive';
  /** What correctness needs, fixed when it is declared; limits that are a matter of taste belong to a policy (ops/rabbitmq). */
  readonly arguments?: Readonly<Record<string, Argument>>;
  /** Arguments in which a queue that exists already may differ. Durability is not one of them. @default none */
  readonly adopts?: readonly string[];
}

/** An exchange, as it is wanted: durable. */
export interface ExchangeSpec {
  readonly name: string;
  readonly type: 'topic' | 'direct' | 'fanout';
}

/** Messages of an exchange whose routing key fits go to a queue. */
interface BindingSpec {
  readonly exchange: string;
  /** As topic exchanges take it: words between dots, `*` for one, `#` for any number. */
  readonly pattern: string;
}

/** A queue with what leads to it. */
export interface BoundQueue extends QueueSpec {
  readonly bindings?: readonly BindingSpec[];
  /** True where nothing in it is the only copy of anything: then one that cannot be consumed is deleted, and made anew. @default false */
  readonly expendable?: boolean;
}

/** What there has to be in the broker. */
export interface Topology {
  readonly exchanges?: readonly ExchangeSpec[];
  readonly queues?: readonly BoundQueue[];
}

export interface TopologyDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** How long a queue may take to answer: it may have to find a leader first, as after a restart. In ms. */
  readonly patienceMs: number;
}

/**
 * RabbitMQ's words for what differs, e.g. `inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received none but current is the value
 * '5' of type 'long'`. It names the first one only.
 */
const DIFFERENCE = /inequivalent arg '([^']+)' for .* but current is (?:the value )?(?:'([^']*)'|none)/s;

/**
 * Sees to it that a queue is there. One that exists is compared with what is wanted, and taken as it is where it differs only in what may differ, or
 * where this user may not compare; one that does not exist is made. Bindings are added, never removed.
 * @throws BROKER_REFUSED when it differs otherwise, or may not be made, with what to do; BROKER_UNAVAILABLE
 */
export function ensureQueue(socket: AmqpSocket, queue: BoundQueue, deps: TopologyDeps): Promise<void> {
  // Two who make one quorum queue at once may cost the connection (541, seen with 3.10).
  return socket.inTurn(queue.name, () => seeToQueue(socket, queue, deps));
}

async function seeToQueue(socket: AmqpSocket, queue: BoundQueue, deps: TopologyDeps): Promise<void> {
  const { name, type, adopts = [], bindings = [] } = queue;
  const exists = type !== 'exclusive' && (await isThere(socket, deps, (channel) => channel.checkQueue(name)));
  const wanted: Record<string, Argument> = { ...(type === 'quorum' && { 'x-queue-type': 'quorum' }), ...queue.arguments };
  const adopted: string[] = [];
  for (;;) {
    const options = type === 'quorum' ? { durable: true } : { durable: false, exclusive: true, autoDelete: true };
    const thrown = await attempt(socket, deps, (channel) => channel.assertQueue(name, { ...options, arguments: wanted }));
    if (thrown === undefined || mayNotCompare(thrown, exists)) break;
    if (replyCode(thrown) !== REPLY.preconditionFailed) throw translated(thrown);
    const [, argument, current] = DIFFERENCE.exec(translated(thrown).message) ?? [];
    if (argument === undefined || !adopts.includes(argument) || adopted.includes(argument)) throw differs('queue', name, thrown);
    adopted.push(argument);
    if (current === undefined) delete wanted[argument];
    else wanted[argument] = /^-?\d+$/.test(current) ? Number(current) : current;
  }
  if (adopted.length > 0) deps.log.info({ queue: name, differsIn: adopted }, 'a queue is used as it was found');
  for (const { exchange, pattern } of bindings) {
    const thrown = await attempt(socket, deps, (channel) => channel.bindQueue(name, exchange, pattern));
    if (thrown !== undefined) throw translated(thrown);
  }
}

/**
 * The same for an exchange.
 * @throws BROKER_REFUSED when it is of another kind, or may not be made, with what to do; BROKER_UNAVAILABLE
 */
export async function ensureExchange(socket: AmqpSocket, { name, type }: ExchangeSpec, deps: TopologyDeps): Promise<void> {
  const exists = await isThere(socket, deps, (channel) => channel.checkExchange(name));
  const thrown = await attempt(socket, deps, (channel) => channel.assertExchange(name, type, { durable: true }));
  if (thrown === undefined || mayNotCompare(thrown, exists)) return;
  throw replyCode(thrown) === REPLY.preconditionFailed ? differs('exchange', name, thrown) : translated(thrown);
}

/** @returns how many messages wait in a queue, and how many consume it; undefined where there is none @throws BROKER_UNAVAILABLE, BROKER_REFUSED */
export async function lookAt(
  socket: AmqpSocket,
  name: string,
  deps: TopologyDeps,
): Promise<{ readonly ready: number; readonly consumers: number } | undefined> {
  let found: { readonly ready: number; readonly consumers: number } | undefined;
  await isThere(socket, deps, async (channel) => {
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    found = { ready: messageCount, consumers: consumerCount };
  });
  return found;
}

/** Deletes a queue, whatever is in it; nothing where there is none. @throws BROKER_UNAVAILABLE, BROKER_REFUSED */
export async function deleteQueue(socket: AmqpSocket, name: string, deps: TopologyDeps): Promise<void> {
  const thrown = await socket.inTurn(name, () => attempt(socket, deps, (channel) => channel.deleteQueue(name)));
  if (thrown !== undefined && replyCode(thrown) !== REPLY.notFound) throw translated(thrown);
}

/** An operator who made everything beforehand need not give the right to make anything. */
function mayNotCompare(thrown: unknown, exists: boolean): boolean {
  return exists && replyCode(thrown) === REPLY.accessRefused;
}

function differs(what: string, name: string, thrown: unknown) {
  const detail = /inequivalent arg .*?(?="$|$)/s.exec(translated(thrown).message)?.[0] ?? translated(thrown).message;
  return refused(
    `the ${what} ${name} exists and is not as it has to be (${detail}); delete it, once it is empty, or move it away, and it is made anew by itself`,
  );
}

async function isThere(socket: AmqpSocket, deps: TopologyDeps, look: (channel: Channel) => Promise<unknown>): Promise<boolean> {
  const thrown = await attempt(socket, deps, look);
  if (thrown !== undefined && replyCode(thrown) !== REPLY.notFound) throw translated(thrown);
  return thrown === undefined;
}

/** Does it on a channel of its own, since a failure closes the channel. @returns what was thrown, as amqplib throws it */
async function attempt(
  socket: AmqpSocket,
  { clock, patienceMs }: TopologyDeps,
  work: (channel: Channel) => Promise<unknown>,
): Promise<unknown> {
  const channel = await socket.channel();
  try {
    await within(clock, patienceMs, 'a declaration', work(channel));
  } catch (thrown) {
    return thrown;
  }
  // Not waited for: where the connection goes meanwhile, amqplib never says that it is closed.
  channel.close().catch(() => {});
  return undefined;
}

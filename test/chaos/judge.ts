import type { JobRow, Ledger } from './ledger.ts';
import type { AcceptedJob } from './load.ts';
import type { Stage } from './stage.ts';
import type { Subscriber } from './subscriber.ts';
import { chatIdOf, PEOPLE, QUIET } from './world.ts';

/** What is compared of a message. */
interface Compared {
  readonly id: number;
  readonly text: string;
  readonly editDate: number | null;
}

/** What the simulator had before anything happened: by channel or phone, the last id. */
export type FirstIds = ReadonlyMap<string, number>;

/** What is found wrong, of each kind at most so many. */
const NAMED = 20;
const ENDS = /^job\.(completed|failed|cancelled)$/;

/** @returns where everything stands before anything happens */
export async function firstIds({ simulator }: Stage): Promise<FirstIds> {
  const ids = new Map<string, number>();
  for (const { username } of simulator.info.channels)
    ids.set(username, (await simulator.control.tell('dump', { channel: username })).at(-1)?.id ?? 0);
  for (const { phone } of PEOPLE) ids.set(phone, (await simulator.control.tell('inbox', { phone })).messages.at(-1)?.id ?? 0);
  return ids;
}

/** How the jobs ended. @returns by outcome how many, and what is wrong with any */
export function judgeJobs(
  accepted: ReadonlyMap<string, AcceptedJob>,
  rows: ReadonlyMap<string, JobRow>,
  endsTold: ReadonlyMap<string, number>,
): { outcomes: ReadonlyMap<string, number>; findings: string[] } {
  const outcomes = new Map<string, number>();
  const findings: string[] = [];
  for (const jobId of accepted.keys()) {
    const row = rows.get(jobId);
    const outcome = row === undefined ? 'lost' : row.status === 'failed' ? `failed with ${row.error}` : row.status;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (row === undefined) findings.push(`${jobId} was accepted, and there is no such job`);
    else if (!ENDS.test(`job.${row.status}`)) findings.push(`${jobId} was accepted, and is ${row.status}`);
    else if (row.ends !== 1) findings.push(`${jobId} ended ${row.ends} times in its history`);
    const told = endsTold.get(jobId) ?? 0;
    if (row !== undefined && told !== 1) findings.push(`the end of ${jobId} (${row.status}) was told ${told} times`);
  }
  return { outcomes, findings: findings.slice(0, NAMED) };
}

/** Whether each subscriber heard what the stream has, no more and no less, up to its end. */
export async function judgeStream(
  ledger: Pick<Ledger, 'stream'>,
  subscribers: readonly Subscriber[],
): Promise<{ events: number; endsTold: ReadonlyMap<string, number>; findings: string[] }> {
  const findings: string[] = [];
  const endsTold = new Map<string, number>();
  const matched = new Map(subscribers.map((one) => [one, 0]));
  let events = 0;
  for await (const { position, topic, payload } of ledger.stream()) {
    events += 1;
    if (position !== events) findings.push(`the stream has ${position} where ${events} should be`);
    if (ENDS.test(topic)) endsTold.set(String(payload.jobId), (endsTold.get(String(payload.jobId)) ?? 0) + 1);
    for (const one of subscribers) {
      const heard = one.heard.get(position);
      if (one.topics !== undefined && !topic.startsWith(`${one.topics}.`)) {
        if (heard) findings.push(`the subscriber ${one.name} heard ${position}, which is ${topic}`);
        continue;
      }
      matched.set(one, (matched.get(one) ?? 0) + 1);
      if (heard === undefined) findings.push(`the subscriber ${one.name} has not heard ${position}, ${topic}`);
      else if (heard.topic !== topic)
        findings.push(`the subscriber ${one.name} heard ${position} as ${heard.topic}, and it is ${topic}`);
    }
  }
  for (const [{ name, heard }, count] of matched)
    if (heard.size !== count) findings.push(`the subscriber ${name} heard ${heard.size} events, and ${count} were for it`);
  return { events, endsTold, findings: findings.slice(0, NAMED) };
}

/** Whether the store is what the simulator has: all that happened, and of what was before nothing else. */
export async function judgeMessages(
  { simulator }: Stage,
  { store }: Ledger,
  first: FirstIds,
  everything: Subscriber,
): Promise<{ compared: number; findings: string[] }> {
  const findings: string[] = [];
  let compared = 0;
  const compare = (where: string, theirs: readonly Compared[], ours: readonly Compared[], after: number): void => {
    const stored = new Map(ours.map((message) => [message.id, message]));
    for (const { id, text, editDate } of theirs) {
      const own = stored.get(id);
      stored.delete(id);
      // What nobody asked for of what was there before is not there.
      if (own === undefined && id <= after) continue;
      compared += 1;
      if (own === undefined) findings.push(`${where} ${id} is missing: ${text}`);
      else if (own.text !== text || own.editDate !== editDate)
        findings.push(`${where} ${id} is "${own.text}" (${own.editDate}) in place of "${text}" (${editDate})`);
    }
    for (const { id, text } of stored.values()) findings.push(`${where} ${id} is stored and not there: ${text}`);
  };
  for (const { username, id } of await simulator.control.tell('channels', {})) {
    const theirs = await simulator.control.tell('dump', { channel: username });
    const chatId = chatIdOf(id);
    const ours = await store.readMessages({ chatId, limit: 1_000_000 });
    compare(username, theirs, ours, first.get(username) ?? 0);
    // Nobody read their history: all that is stored has been told, and nothing else.
    if (QUIET.includes(username)) compare(`what was told of ${username},`, ours, told(everything, chatId, ours), 0);
  }
  for (const { id: accountId, phone } of PEOPLE) {
    const scope = await store.ensureAccount(accountId);
    const { messages } = await simulator.control.tell('inbox', { phone });
    const peerOf = ({ peer }: (typeof messages)[number]): number => (peer.kind === 'user' ? peer.id : -peer.id);
    for (const chatId of new Set(messages.map(peerOf))) {
      const theirs = messages.filter((message) => peerOf(message) === chatId);
      compare(
        `${accountId} ${chatId}`,
        theirs,
        await store.readMessages({ scope, chatId, limit: 1_000_000 }),
        first.get(phone) ?? 0,
      );
    }
  }
  return { compared, findings: findings.slice(0, NAMED) };
}

/** What one believes of a channel who heard of every event, with the dates that are stored: they are not what is compared here. */
function told({ believed }: Subscriber, chatId: number, stored: readonly Compared[]): Compared[] {
  const dates = new Map(stored.map(({ id, editDate }) => [id, editDate]));
  const all: Compared[] = [];
  for (const [key, text] of believed) {
    const [channel, id] = key.split('/').map(Number);
    if (channel === chatId && id !== undefined && text !== null) all.push({ id, text, editDate: dates.get(id) ?? null });
  }
  return all;
}

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../../src/simulator/seeded.ts';
import { deferred } from '../support/deferred.ts';
import { Happenings } from './happenings.ts';
import { firstIds, judgeJobs, judgeMessages, judgeStream } from './judge.ts';
import { Ledger } from './ledger.ts';
import { Load } from './load.ts';
import { growthIn } from './memory.ts';
import type { ChaosOptions } from './options.ts';
import { type Fault, makePlan } from './plan.ts';
import { rulesOf } from './rules.ts';
import { settle } from './settle.ts';
import { Stage } from './stage.ts';
import { Subscriber } from './subscriber.ts';
import { inWords, type Outcome } from './summary.ts';
import { Watch } from './watch.ts';

/** How long it may take after the last fault until all is quiet, in ms: a lease, a dead socket, and what waits for both. */
const SETTLE_MS = 120_000;
/** A run in which fewer jobs are accepted than one in so long has shown nothing, in ms. */
const LEAST_EVERY_MS = 5_000;
/** How often the run says how far it is, in ms. */
const SAY_MS = 15_000;

/**
 * One run: everything is started, there is load, faults happen, then it is waited for until all is quiet, and judged.
 * Where something is wrong, what was seen is kept in a folder.
 * @param say takes a line for people
 * @returns what it has come to; `findings` is empty where all is as it should be
 */
export async function runChaos(options: ChaosOptions, say: (line: string) => void): Promise<Outcome> {
  const ends: (() => Promise<void>)[] = [];
  const findings: string[] = [];
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'vigilia-chaos-'));
  const early = deferred<never>();
  let isUp = false;
  const complain = (finding: string): void => {
    const line = `${Math.round(performance.now() - startedAt)} ms: ${finding}`;
    if (findings.length < 200) findings.push(line);
    say(line);
    // Where something does not even start, nothing is waited for.
    if (!isUp) early.reject(new Error(line));
  };
  const onEnd = (end: () => Promise<void>): void => void ends.push(end);
  try {
    const opening = Stage.open(folder, complain, onEnd);
    opening.catch(() => {});
    const stage = await Promise.race([opening, early.promise]);
    isUp = true;
    const outcome = await perform(stage, options, complain, findings, say, onEnd);
    if (findings.length === 0 && !options.isKept) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    return outcome;
  } finally {
    for (const end of ends.reverse()) await end().catch((error: Error) => say(`not ended: ${error.message}`));
    if (existsSync(folder)) say(`what was seen is kept in ${folder}`);
  }
}

async function perform(
  stage: Stage,
  options: ChaosOptions,
  complain: (finding: string) => void,
  findings: readonly string[],
  say: (line: string) => void,
  onEnd: (end: () => Promise<void>) => void,
): Promise<Outcome> {
  const { seed, stormMs, isCalm } = options;
  const chance = (number: number): (() => number) => seededRandom(seed + number);
  const load = new Load(stage.apiUrl, chance(1), complain);
  const happenings = new Happenings(() => stage.simulator.control, chance(2));
  const everything = new Subscriber('everything', `${stage.apiUrl}/events`, undefined, complain);
  const subscribers = [
    everything,
    ...['message', 'job'].map((topics) => new Subscriber(topics, `${stage.apiUrl}/events`, topics, complain)),
  ];
  const watch = new Watch(stage, load, complain);
  const plan = isCalm ? [] : makePlan({ seed, lengthMs: stormMs, rules: rulesOf(stage.servers) });
  writeFileSync(join(stage.folder, 'plan.json'), JSON.stringify({ options, plan }, null, 1));
  onEnd(async () => {
    await Promise.all([load.stop(), happenings.stop(), watch.stop(), ...subscribers.map((one) => one.stop())]);
  });

  const first = await firstIds(stage);
  watch.start();
  for (const subscriber of subscribers) subscriber.start();
  await load.start();
  happenings.start();
  say(`all is up: ${plan.length} faults in ${Math.round(stormMs / 1_000)} s, seed ${seed}, in ${stage.folder}`);
  const stormFrom = performance.now();
  const saying = setInterval(() => {
    const sinceMs = performance.now() - stormFrom;
    const begun = plan.filter(({ atMs }) => atMs < sinceMs).length;
    say(
      `${Math.round(sinceMs / 1_000)} s: ${begun} faults, ${load.accepted.size} jobs, ${happenings.happened} happenings, event ${everything.position}`,
    );
  }, SAY_MS);
  await play(plan, stormMs, stage, watch, complain);
  clearInterval(saying);
  const calmFrom = performance.now();

  await Promise.all([load.stop(), happenings.stop()]);
  const ledger = await Ledger.open(stage.databaseUrl);
  onEnd(() => ledger.close());
  const open = await settle(stage, ledger, subscribers, SETTLE_MS);
  for (const one of open) complain(`not quiet after ${SETTLE_MS} ms: ${one}`);
  if (open.length > 0) await keepStates(stage);
  const calmMs = performance.now() - calmFrom;
  for (const { target, kind, number } of watch.recoveries.pending)
    complain(`fault ${number}, ${kind} of ${target}, is not recovered from`);
  await Promise.all(subscribers.map((one) => one.stop()));
  const stream = await judgeStream(ledger, subscribers);
  const rows = await ledger.jobs();
  const jobs = judgeJobs(load.accepted, rows, stream.endsTold);
  const messages = await judgeMessages(stage, ledger, first, everything);
  const { keys } = await stage.simulator.control.tell('stats', {});
  for (const { maxSockets, phone } of keys) if (maxSockets > 1) say(`${phone} was used over ${maxSockets} sockets at one time`);
  await watch.stop();
  if (load.accepted.size * LEAST_EVERY_MS < stormMs)
    complain(`only ${load.accepted.size} jobs were accepted: of what was to be held against the truth there was hardly any`);
  for (const finding of [...stream.findings, ...jobs.findings, ...messages.findings, ...growthIn(watch.memory)])
    complain(finding);
  await stage.stop();

  const outcome: Outcome = {
    options,
    servers: stage.servers,
    stormMs: calmFrom - stormFrom,
    calmMs,
    faults: plan,
    recoveries: watch.recoveries.done,
    outcomes: jobs.outcomes,
    answers: load.answers,
    heedsKeys: load.heedsKeys,
    happened: happenings.happened,
    compared: messages.compared,
    events: stream.events,
    subscribers,
    reports: watch.reports,
    memory: watch.memory,
    findings,
  };
  writeFileSync(join(stage.folder, 'summary.txt'), `${inWords(outcome)}\n`);
  if (findings.length > 0 || options.isKept) await keep(stage, ledger, load, watch);
  say(inWords(outcome));
  return outcome;
}

/** Lets everything happen as planned. Resolves when the time is over and all causes are. */
async function play(
  plan: readonly Fault[],
  stormMs: number,
  stage: Stage,
  watch: Watch,
  complain: (finding: string) => void,
): Promise<void> {
  const startedAt = performance.now();
  const until = (atMs: number): Promise<void> => pause(Math.max(0, atMs - (performance.now() - startedAt)));
  const lasting: Promise<void>[] = [];
  for (const fault of plan) {
    await until(fault.atMs);
    watch.begin(fault);
    lasting.push(
      stage.apply(fault).then(
        () => watch.end(fault),
        (error: Error) => complain(`${fault.kind} of ${fault.target} could not be done: ${error.message}`),
      ),
    );
  }
  await Promise.all(lasting);
  await until(stormMs);
}

/** Writes down what each process shows of itself, while it runs. */
async function keepStates({ folder, directUrls }: Stage): Promise<void> {
  for (const [name, url] of Object.entries(directUrls)) {
    for (const path of ['/health', '/api/state', '/metrics']) {
      const text = await fetch(url + path).then((answer) => answer.text(), String);
      writeFileSync(join(folder, `${name}${path.replaceAll('/', '-')}.txt`), text);
    }
  }
}

/** Writes down what the judge saw. */
async function keep({ folder, simulator }: Stage, ledger: Ledger, load: Load, watch: Watch): Promise<void> {
  const write = (name: string, rows: Iterable<unknown>): void =>
    writeFileSync(join(folder, `${name}.ndjson`), [...rows].map((row) => `${JSON.stringify(row)}\n`).join(''));
  write('accepted', load.accepted.values());
  write('recoveries', watch.recoveries.done);
  write('jobs', (await ledger.jobs()).values());
  const stream: unknown[] = [];
  for await (const row of ledger.stream()) stream.push(row);
  write('stream', stream);
  for (const { username } of simulator.info.channels)
    write(`world-${username}`, await simulator.control.tell('dump', { channel: username }));
}

import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catchStrays, runScenario } from './supervision/run.ts';
import { loadRuntime } from './supervision/runtime.ts';
import { scenarios, seldom } from './supervision/scenario.ts';

const RESTART = 'machines/restart.ts';
const SUPERVISOR = 'machines/supervisor.machine.ts';
const DECISION = 'machines/supervisor-decision.ts';
const SLOT = 'machines/slot.machine.ts';

/** Each breaks one rule: what it says, in which file, what stands there, and what stands there instead. */
const MUTANTS: readonly (readonly [rule: string, file: string, from: string, to: string])[] = [
  ['a temporary child is never restarted', RESTART, "exit === 'shutdown' || type === 'temporary'", "exit === 'shutdown'"],
  ['a transient child that ended well is not restarted', RESTART, "if (type === 'transient' && exit === 'normal')", 'if (false)'],
  ['a transient child that failed is restarted', RESTART, "type === 'transient' && exit === 'normal'", "type === 'transient'"],
  ['a permanent child that ended well is restarted', RESTART, "type === 'transient' && exit === 'normal'", "exit === 'normal'"],
  ['beyond the intensity, not at it', RESTART, '>= intensity.maxRestarts', '> intensity.maxRestarts'],
  ['at the intensity, not before it', RESTART, '>= intensity.maxRestarts', '>= intensity.maxRestarts - 1'],
  ['the period slides', RESTART, 'restarts.filter((at) => now - at < intensity.periodMs)', '[...restarts]'],
  ['what is in the period counts', RESTART, 'now - at < intensity.periodMs', 'now - at < intensity.periodMs / 2'],
  ['one_for_one restarts one', RESTART, 'return [failed];', 'return [...children];'],
  ['one_for_all restarts all', RESTART, 'return [...children];', 'return children.slice(children.indexOf(failed));'],
  ['rest_for_one leaves those before alone', RESTART, 'children.slice(children.indexOf(failed))', '[...children]'],
  ['rest_for_one restarts those after', RESTART, 'children.slice(children.indexOf(failed))', '[failed]'],

  [
    'children are stopped in reverse order',
    SUPERVISOR,
    '.filter((id) => context.running.includes(id))\n          .reverse()',
    '.filter((id) => context.running.includes(id))',
  ],
  [
    'a group is stopped in reverse order',
    SUPERVISOR,
    'context.group.filter((id) => context.running.includes(id)).reverse()',
    'context.group.filter((id) => context.running.includes(id))',
  ],
  [
    'each waits for the one before to be up',
    SUPERVISOR,
    "{ target: 'awaiting', actions: ['markRunning', 'startHead'] }",
    "{ target: 'next', reenter: true, actions: ['markRunning', 'startHead', 'shift'] }",
  ],
  [
    'each waits for the one before to be down',
    SUPERVISOR,
    "{ target: 'awaiting', actions: 'stopHead' }",
    "{ target: 'next', reenter: true, actions: ['stopHead', 'shift'] }",
  ],
  ['only the next one is waited for', DECISION, 'event.id === context.queue[0]', 'true'],
  ['a temporary child is dropped', SUPERVISOR, "held === 'removed' || isTemporary(context, event.id)", "held === 'removed'"],
  [
    'a removed child is dropped',
    SUPERVISOR,
    "held === 'removed' || isTemporary(context, event.id)",
    'isTemporary(context, event.id)',
  ],
  [
    'a suspended child stays so when its siblings restart',
    SUPERVISOR,
    'idsOf(context).includes(id) && !context.held[id]',
    'idsOf(context).includes(id)',
  ],
  [
    'a child that was stopped by hand is not restarted',
    SUPERVISOR,
    "isHeld: ({ context, event }) => 'id' in event && context.held[event.id] !== undefined",
    'isHeld: () => false',
  ],
  [
    'a transient child that had ended restarts with its group',
    SUPERVISOR,
    'context.group.filter((id) => idsOf(context).includes(id)',
    "context.group.filter((id) => context.slots[id]?.getSnapshot().context.exit !== 'normal' && idsOf(context).includes(id)",
  ],
  ['a restart counts', DECISION, '), { id, at }],', ')],'],
  ['the backoff grows', DECISION, 'lastAt < intensity.periodMs ? before.count : 0', 'lastAt < 0 ? before.count : 0'],
  ['the backoff starts anew after a quiet period', DECISION, 'before && at - before.lastAt < intensity.periodMs', 'before'],
  [
    'a removed child takes its failures with it',
    SUPERVISOR,
    'const { [event.id]: __, ...failures } = context.failures;',
    'const failures = context.failures;',
  ],
  ['a group waits', SUPERVISOR, 'pauseMs: ({ context }) => context.delayMs', 'pauseMs: 0'],
  ['a restart by hand does not wait', SUPERVISOR, 'pauseNot: assign({ pauseMs: 0 })', 'pauseNot: assign({ pauseMs: 50 })'],
  [
    'an earlier sibling that fails widens the group',
    SUPERVISOR,
    '? restartGroup(context.strategy, idsOf(context), event.id) : []',
    '? (context.group.length > 0 ? [...context.group] : restartGroup(context.strategy, idsOf(context), event.id)) : []',
  ],
  [
    'what cannot pass is not met by restarts',
    DECISION,
    "new Set<Fault | undefined>(['conflict', 'permanent'])",
    'new Set<Fault | undefined>()',
  ],
  [
    'a bug is met by restarts',
    DECISION,
    "new Set<Fault | undefined>(['conflict', 'permanent'])",
    "new Set<Fault | undefined>(['conflict', 'permanent', 'bug'])",
  ],
  [
    'a first start is tried again where the reason passes',
    DECISION,
    "faultBehind(event) === 'transient' && ",
    "faultBehind(event) === 'throttled' && ",
  ],
  ['a first start that fails is not a restart', DECISION, "faultBehind(event) === 'transient' && ", ''],
  ['a supervisor that quarantines starts whatever fails', DECISION, 'if (context.quarantines) return false;', ''],
  [
    'a child beyond the intensity is put aside',
    SUPERVISOR,
    'mustQuarantine: ({ context, event }) => context.quarantines && decide',
    "mustQuarantine: ({ context, event }) => context.strategy !== 'one_for_one' && decide",
  ],
  [
    'in quarantine each child counts for itself',
    DECISION,
    'context.quarantines ? context.restarts.filter(({ id }) => id === event.id) : context.restarts',
    'context.restarts',
  ],
  [
    'without quarantine all count together',
    DECISION,
    'context.quarantines ? context.restarts.filter(({ id }) => id === event.id) : context.restarts',
    'context.restarts.filter(({ id }) => id === event.id)',
  ],
  [
    'an added child that fails twice does not hold up the others',
    SUPERVISOR,
    "{ guard: and(['isHead', 'addedInVain']), target: 'next', actions: ['forget', 'shift', 'bury'] },",
    '',
  ],
  [
    'a child that was up is no new one',
    SUPERVISOR,
    'noteUp: assign({ fresh: ({ context, event }) => without(context.fresh, event) })',
    'noteUp: () => {}',
  ],
  [
    'commands that came while children started are done later',
    SUPERVISOR,
    'for (const command of context.postponed) enqueue',
    'for (const command of context.postponed.slice(1)) enqueue',
  ],
  [
    'what is restarted alone does not hold up the others',
    SUPERVISOR,
    "guard: 'isIsolated',",
    "guard: and(['isIsolated', not('isIsolated')]),",
  ],
  ['a temporary child is not restarted by hand', SUPERVISOR, ", not('isTemporary')", ''],
  [
    'a child is suspended once',
    SUPERVISOR,
    'context.running.includes(event.id) && !context.held[event.id]',
    'context.running.includes(event.id)',
  ],
  ['a supervisor that gave up says why', SUPERVISOR, 'context.failure ? { failure: context.failure } : {}', '{}'],
  [
    'those who wait for a child are told when it will not come',
    SUPERVISOR,
    "actions: ['forget', 'refuseStart'] }",
    "actions: 'forget' }",
  ],

  ['a word of an earlier life is not heard', SLOT, 'event.incarnation === context.incarnation', 'true'],
  ['lives are numbered', SLOT, 'context.incarnation + 1', '1'],
  [
    'who is not ready in time has failed',
    SLOT,
    'readyDeadline: ({ context }) => context.readyMs',
    'readyDeadline: ({ context }) => context.readyMs * 2',
  ],
  [
    'who does not stop in time is killed',
    SLOT,
    'shutdownDeadline: ({ context }) => context.shutdownMs',
    'shutdownDeadline: ({ context }) => context.shutdownMs + 50',
  ],
  ['who is to stop is asked first', SLOT, "stopping: {\n          entry: 'askToStop',", 'stopping: {'],
  ['what is left behind is ended', SLOT, "exit: 'reap',", ''],
  ['a restart waits', SLOT, 'backoff: ({ context }) => context.delayMs', 'backoff: 0'],
  ['a bad end is a failure', SLOT, 'undefined,\n', 'undefined && false,\n'],
  [
    'a failure that nobody awaited ends the life',
    SLOT,
    "STRAY: { guard: 'isCurrent', target: 'failing', actions: 'noteFailure' }, STOP",
    'STOP',
  ],
  [
    'it counts as a failure even if the life ends well',
    SLOT,
    "{ guard: 'hasStrayed', target: 'down' },\n          { guard: 'endedBadly'",
    "{ guard: 'endedBadly'",
  ],
  [
    'who failed unseen has no longer than its deadline',
    SLOT,
    "failing: {\n          entry: 'askToStop',",
    "failing: {\n          on: { STRAY: { target: 'failing', reenter: true } },\n          entry: 'askToStop',",
  ],
  [
    'who fails unseen while it stops has no longer either',
    SLOT,
    "stopping: {\n          entry: 'askToStop',",
    "stopping: {\n          on: { STRAY: 'failing' },\n          entry: 'askToStop',",
  ],
  [
    'who waits for a restart can be stopped',
    SLOT,
    "waiting: {\n      after: { backoff: 'alive' },\n      on: { STOP: { target: 'down', actions: 'noteShutdown' } },",
    "waiting: {\n      after: { backoff: 'alive' },",
  ],
  [
    'who is in quarantine can be stopped',
    SLOT,
    "quarantined: {\n      after: { backoff: 'alive' },\n      on: { STOP: { target: 'down', actions: 'noteShutdown' } },",
    "quarantined: {\n      after: { backoff: 'alive' },",
  ],
  ['who is in quarantine is tried again', SLOT, "quarantined: {\n      after: { backoff: 'alive' },", 'quarantined: {'],
  ['who is suspended stays so until it is resumed', SLOT, 'suspended: {\n', "suspended: {\n      after: { 100: 'alive' },\n"],

  ['what an actor that threw has left running is ended', 'actors/lineage.ts', 'if (gone && isActive(child))', 'if (false)'],
  [
    'a life is told which one it is',
    'actors/slot.ts',
    'life = { self, incarnation };',
    'life = { self, incarnation: incarnation + 1 };',
  ],
];

const src = fileURLToPath(new URL('../../src', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'vigilia-mutants-'));
// The same trees for each, however they are run.
const trees = [...seldom, ...fc.sample(scenarios, { seed: 1, numRuns: 400 })];

let giveBack = (): void => {};
beforeAll(() => {
  giveBack = catchStrays();
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(home, 'node_modules'));
});
afterAll(() => {
  giveBack();
  rmSync(home, { recursive: true, force: true });
});

/** What supervision is made of lies in the folders themselves; the adapters in the folders within them would be copied for nothing. */
function isPart(path: string): boolean {
  return !statSync(path).isDirectory() || dirname(path) === src;
}

/** @returns how many trees it took to see that the rule is broken; undefined where none did */
async function treesUntilSeen(folder: string): Promise<number | undefined> {
  const runtime = await loadRuntime(folder);
  for (const [index, tree] of trees.entries()) {
    try {
      await runScenario(tree, runtime);
    } catch {
      return index + 1;
    }
  }
  return undefined;
}

describe('the trees notice when a rule is broken', () => {
  it.each(MUTANTS)('%s', async (rule, file, from, to) => {
    const folder = mkdtempSync(join(home, 'src-'));
    for (const part of ['machines', 'actors', 'charts', 'errors.ts', 'clock.ts', 'log.ts', 'ports.ts']) {
      cpSync(join(src, part), join(folder, part), { recursive: true, filter: isPart });
    }
    const source = readFileSync(join(folder, file), 'utf8');
    expect(source, 'the rule stands elsewhere now').toContain(from);
    writeFileSync(
      join(folder, file),
      source.replaceAll(from, () => to),
    );
    const seenAfter = await treesUntilSeen(folder);
    if (process.env.VIGILIA_MUTANTS_SHOWN) console.log(`${seenAfter} trees: ${rule}`);
    expect(seenAfter).toBeDefined();
  });
});

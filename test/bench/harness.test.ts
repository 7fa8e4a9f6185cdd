import { describe, expect, it } from 'vitest';
import { atEnd, cleanUp } from '../../bench/harness/cleanup.ts';
import { isBusy, type Machine } from '../../bench/harness/machine.ts';
import { cpuSecondsOfFamily, usageOf } from '../../bench/harness/process-usage.ts';
import { figure, machineText, ratioText, spreadText, table } from '../../bench/harness/report.ts';
import { withSection } from '../../bench/harness/results-file.ts';
import { interleaved } from '../../bench/harness/rounds.ts';
import { readCommand, UsageError } from '../../bench/options.ts';

const MACHINE: Machine = {
  cpu: 'Some CPU',
  cores: 4,
  memoryBytes: 16 * 2 ** 30,
  os: 'Some OS',
  node: '20.19.0',
  date: '2026-01-02',
  loadBefore: 0.25,
};

describe('rounds', () => {
  it('take the peers in turn, and keep the samples of each in order', async () => {
    const order: string[] = [];
    let made = 0;
    const peer = (name: string) => ({
      name,
      run: async () => {
        order.push(name);
        return ++made;
      },
    });
    const told: string[] = [];
    const measured = await interleaved([peer('a'), peer('b'), peer('c')], 3, (name, round, sample) =>
      told.push(`${name}${round}=${sample}`),
    );
    expect(order.join('')).toBe('abcabcabc');
    expect(measured).toEqual([
      { name: 'a', samples: [1, 4, 7] },
      { name: 'b', samples: [2, 5, 8] },
      { name: 'c', samples: [3, 6, 9] },
    ]);
    expect(told.slice(2, 4)).toEqual(['c1=3', 'a2=4']);
  });

  it('end with the first peer that fails', async () => {
    const broken = { name: 'a', run: () => Promise.reject(new Error('read 3 of 4 messages')) };
    await expect(interleaved([broken], 2, () => {})).rejects.toThrow('read 3 of 4 messages');
  });
});

describe('the report', () => {
  it('makes a table with its numbers to the right', () => {
    const columns = [
      { heading: 'peer', numeric: false },
      { heading: 'ms', numeric: true },
    ];
    expect(
      table(columns, [
        ['a', '1'],
        ['b', '2'],
      ]),
    ).toBe('| peer | ms |\n|---|---:|\n| a | 1 |\n| b | 2 |');
  });

  it.each([
    [0.012345, '0.0123'],
    [1.005, '1'],
    [12.34, '12.3'],
    [999.6, '1000'],
    [21_345.6, '21,346'],
    [Number.NaN, '–'],
  ])('says %s as %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });

  it('says a median with its extremes, and nothing where nothing was measured', () => {
    expect(spreadText({ median: 2, min: 1, max: 10_000 })).toBe('2 (1–10,000)');
    expect(spreadText({ median: Number.NaN, min: Number.NaN, max: Number.NaN })).toBe('–');
    expect(ratioText({ median: 1.5, min: 1.449, max: 1.6 })).toBe('**1.50** (1.45–1.60)');
  });

  it('says where it was measured, and whether others used the machine', () => {
    expect(isBusy(MACHINE)).toBe(false);
    expect(machineText(MACHINE, ['PostgreSQL 17.1'])).toBe(
      'Some CPU, 4 cores, 16 GiB; Some OS; Node 20.19.0; PostgreSQL 17.1; 2026-01-02. Load average before: 0.25.',
    );
    expect(machineText({ ...MACHINE, loadBefore: 2.5 }, [])).toContain('Load average before: 2.50: **the machine was busy');
  });
});

describe('the results file', () => {
  it('replaces one section and leaves the others as they are, in their order', () => {
    const first = withSection('', 'start', '## Start\n\nold', 20);
    const second = withSection(first, 'history', '## History\n\n| a |', 20);
    const third = withSection(second, 'start', '## Start\n\nnew\n', 20);
    expect(third).toContain('## History\n\n| a |');
    expect(third).toContain('## Start\n\nnew');
    expect(third).not.toContain('old');
    expect(third.indexOf('## History')).toBeLessThan(third.indexOf('## Start'));
    expect(withSection(third, 'start', '## Start\n\nnew', 20)).toBe(third);
  });

  it('has what ran on a newer Node behind what ran on the least one, not in its place', () => {
    const least = withSection(withSection('', 'reads', '## Cached reads\n\nr20', 20), 'jobs', '## Jobs\n\nj20', 20);
    const both = withSection(withSection(least, 'jobs', '## Jobs\n\nj26', 26), 'jobs', '## Jobs\n\nj24', 24);
    const headings = (file: string): string[] => file.match(/^## .*$/gm) ?? [];
    expect(headings(both)).toEqual(['## Jobs', '## Jobs, on Node 24', '## Jobs, on Node 26', '## Cached reads']);
    const again = withSection(both, 'jobs', '## Jobs\n\nnewer', 24);
    expect(headings(again)).toEqual(headings(both));
    expect(again).toContain('## Jobs, on Node 24\n\nnewer');
    expect(again).not.toContain('j24');
    for (const kept of ['j20', 'j26', 'r20']) expect(again).toContain(kept);
  });
});

describe('cleaning up', () => {
  it('undoes the latest first, each once, and goes on where one fails', async () => {
    const undone: string[] = [];
    atEnd(() => void undone.push('folder'));
    const early = atEnd(() => void undone.push('process'));
    atEnd(() => Promise.reject(new Error('planted')));
    atEnd(async () => void undone.push('server'));
    await early();
    await early();
    await cleanUp();
    await cleanUp();
    expect(undone).toEqual(['process', 'server', 'folder']);
  });
});

describe('the usage of a process', () => {
  it('counts the CPU time it spends, and its memory', async () => {
    const before = await usageOf(process.pid);
    const own = process.cpuUsage();
    for (let used = 0; used < 150_000; ) {
      const { user, system } = process.cpuUsage(own);
      used = user + system;
    }
    const after = await usageOf(process.pid);
    // Both clocks count in hundredths of a second.
    expect(after.cpuSeconds - before.cpuSeconds).toBeGreaterThanOrEqual(0.13);
    expect(after.rssBytes / process.memoryUsage.rss()).toBeCloseTo(1, 0);
  });

  it.skipIf(process.platform !== 'linux')('of a family is at least that of its head', async () => {
    const { cpuSeconds } = await usageOf(process.pid);
    expect(cpuSecondsOfFamily(process.pid)).toBeGreaterThanOrEqual(cpuSeconds);
  });

  it('of a process that is gone is an error', async () => {
    await expect(usageOf(2 ** 30)).rejects.toThrow();
  });
});

describe('the command line', () => {
  it('has the official sizes as its defaults', () => {
    expect(readCommand(['history'])).toMatchObject({
      name: 'history',
      options: {
        messages: 50_000,
        rounds: 5,
        kinds: ['light', 'rich'],
        peers: ['gramjs', 'gramjs-fast', 'pglite', 'postgresql'],
      },
    });
    expect(readCommand(['start']).options).toMatchObject({ restSeconds: 30 });
    const live = { ratesPerSecond: [10, 100, 500, 1_000], peers: ['pglite', 'postgresql', 'split'], seconds: 10, kills: 10 };
    expect(readCommand(['live'])).toMatchObject({ name: 'live', options: live });
  });

  it('takes fewer messages, kinds and peers', () => {
    expect(readCommand(['history', '--messages', '300', '--only', 'rich', '--peers', 'pglite,gramjs'])).toMatchObject({
      options: { messages: 300, kinds: ['rich'], peers: ['pglite', 'gramjs'] },
    });
  });

  it.each([
    ['no benchmark', []],
    ['an unknown one', ['speed']],
    ['an unknown option', ['start', '--fast']],
    ["another benchmark's option", ['start', '--messages', '3']],
    ['an unknown peer', ['history', '--peers', 'gramjs,telethon']],
    ['a rate that is none', ['live', '--rates', '10,0']],
    ['a number that is none', ['history', '--rounds', '0']],
    ['two benchmarks', ['history', 'start']],
  ])('refuses %s', (_, args) => {
    expect(() => readCommand(args)).toThrow(UsageError);
  });
});

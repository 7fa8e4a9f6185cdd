import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { and, createMachine } from 'xstate';
import { connectionMachine } from '../../src/machines/connection.machine.ts';
import { feedMachine } from '../../src/machines/feed.machine.ts';
import { jobMachine } from '../../src/machines/job.machine.ts';
import { leaseMachine } from '../../src/machines/lease.machine.ts';
import { linkMachine } from '../../src/machines/link.machine.ts';
import { loginMachine } from '../../src/machines/login.machine.ts';
import { slotMachine } from '../../src/machines/slot.machine.ts';
import { supervisorMachine } from '../../src/machines/supervisor.machine.ts';
import { chartText } from '../support/chart-text.ts';

const FOLDER = new URL('../golden/charts/', import.meta.url);

// `UPDATE_GOLDEN=1 npx vitest run test/machines/charts.test.ts` writes them anew.
describe('the charts are as they were when they were last looked at', () => {
  test.each([
    connectionMachine,
    feedMachine,
    jobMachine,
    leaseMachine,
    linkMachine,
    loginMachine,
    slotMachine,
    supervisorMachine,
  ])('$id', (machine) => {
    const file = new URL(`${machine.id}.txt`, FOLDER);
    const text = chartText(machine);
    if (process.env.UPDATE_GOLDEN) {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(file, text);
    }
    expect(text).toBe(readFileSync(file, 'utf8'));
  });
});

describe('a chart as text', () => {
  test('shows structure, guards, actions, invokes and delays', () => {
    const machine = createMachine(
      {
        id: 'lamp',
        initial: 'off',
        on: { SMASH: '.broken' },
        states: {
          off: { exit: 'click', on: { PRESS: [{ guard: and(['hasPower', 'hasBulb']), target: 'on', actions: ['count'] }, {}] } },
          on: {
            entry: ['click', 'glow'],
            type: 'parallel',
            invoke: { src: 'burn', onError: 'broken' },
            after: { evening: { target: 'off', reenter: true } },
            states: { light: {}, heat: { always: { guard: 'isHot', actions: 'hum' } } },
          },
          broken: { type: 'final' },
        },
      } as never,
      { delays: { evening: 500, night: () => 3 } } as never,
    );
    expect(chartText(machine).split('\n')).toEqual([
      'machine lamp',
      '  on SMASH → .broken',
      '  state off (initial)',
      '    exit / click',
      '    on PRESS [hasPower and hasBulb] → on / count',
      '    on PRESS ignored',
      '  state on (parallel)',
      '    entry / click, glow',
      '    invoke burn',
      '      error → broken',
      '    after evening → off (reenter)',
      '    state light',
      '    state heat',
      '      always [isHot] stays / hum',
      '  state broken (final)',
      'delays',
      '  evening: 500 ms',
      '  night: by the context',
      '',
    ]);
  });

  test('refuses an inline effect', () => {
    expect(() => chartText(createMachine({ id: 'bad', entry: (() => {}) as never }))).toThrow(/inline/);
  });
});

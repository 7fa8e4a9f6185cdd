import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/program.ts';

const CONFIG = fileURLToPath(new URL('../../biome.json', import.meta.url));
const BIOME = fileURLToPath(new URL('../../node_modules/@biomejs/biome/bin/biome', import.meta.url));

/** Lints files as if they were the project's own. @returns a line for each finding: `rule file` */
async function lint(folder: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  const config = JSON.parse(await readFile(CONFIG, 'utf8')) as Record<string, unknown>;
  delete config.$schema;
  delete config.vcs;
  await writeFile(join(folder, 'biome.json'), JSON.stringify(config));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const report = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [BIOME, 'lint', '--reporter=github', '--max-diagnostics=none', '.'],
      { cwd: folder },
      (_, stdout, stderr) => resolve(stdout + stderr),
    );
  });
  return [...report.matchAll(/title=lint\/\w+\/(\w+),file=([^,]+)/g)].map(
    ([, rule, file]) => `${rule} ${relative(folder, resolve(folder, file ?? ''))}`,
  );
}

// A rule that nothing breaks may be a rule that does not work: each is broken here once.
const FORBIDDEN: readonly [why: string, path: string, line: string][] = [
  ['a machine imports an actor', 'src/machines/x.ts', "import { task } from '../actors/actor.ts';"],
  ['a chart imports an actor', 'src/charts/x.ts', "import { task } from '../actors/actor.ts';"],
  ['a machine reads the clock', 'src/machines/x.ts', 'export const now = Date.now();'],
  ['the ground imports a machine', 'src/ports.ts', "import { jobMachine } from './machines/job.machine.ts';"],
  ['an actor imports http', 'src/actors/x.ts', "import { buildGateway } from '../http/server.ts';"],
  ['an actor imports the simulator', 'src/actors/x.ts', "import { startSimulator } from '../simulator/simulator.ts';"],
  ['http imports an adapter', 'src/http/x.ts', "import { openStore } from '../actors/store/open-store.ts';"],
  ['the simulator imports an actor', 'src/simulator/x.ts', "import { task } from '../actors/actor.ts';"],
  ['GramJS is imported outside its folder', 'src/actors/telegram/x.ts', "import { Api } from 'telegram/tl/index.js';"],
  ['the WASM cipher is imported outside GramJS’s folder', 'src/actors/telegram/x.ts', "import { initSync } from '@mtcute/wasm';"],
  ['pg is imported outside its file', 'src/actors/store/x.ts', "import pg from 'pg';"],
  ['PGlite is imported outside its file', 'src/actors/store/x.ts', "import { PGlite } from '@electric-sql/pglite';"],
  ['Fastify is imported outside http', 'src/actors/x.ts', "import Fastify from 'fastify';"],
  ['WebSocket is imported outside http', 'src/actors/x.ts', "import { WebSocketServer } from 'ws';"],
  ['JWTs are checked outside http', 'src/cli/x.ts', "import { jwtVerify } from 'jose';"],
  ['prom-client is imported outside metrics.ts', 'src/http/x.ts', "import { Counter } from 'prom-client';"],
  ['opossum is imported outside breaker.ts', 'src/actors/x.ts', "import CircuitBreaker from 'opossum';"],
  ['ioredis is imported outside its connection', 'src/actors/cache/x.ts', "import { Redis } from 'ioredis';"],
  ['amqplib is imported outside its folder', 'src/actors/broker/x.ts', "import { connect } from 'amqplib';"],
  ['ioredis is imported by the broker', 'src/actors/broker/rabbitmq/x.ts', "import { Redis } from 'ioredis';"],
  ['XState is imported by http', 'src/http/x.ts', "import { createActor } from 'xstate';"],
  ['the ground imports the command line', 'src/ports.ts', "import { EXIT } from './cli/exit-codes.ts';"],
  ['an actor imports the command line', 'src/actors/x.ts', "import { EXIT } from '../cli/exit-codes.ts';"],
  ['a command imports http', 'src/cli/x.ts', "import { buildGateway } from '../http/server.ts';"],
  ['a command imports the logger itself', 'src/cli/x.ts', "import { pino } from 'pino';"],
  ['the process is used below main.ts', 'src/http/x.ts', 'export const pid = process.pid;'],
];

const pathOf = (path: string, index: number): string => path.replace(/x\.ts$/, `x${index}.ts`);

describe('the linter holds the floors', () => {
  let findings: readonly string[] = [];
  let remove: () => Promise<void> = async () => {};
  afterAll(() => remove());
  beforeAll(async () => {
    const folder = await temporaryFolder((end) => {
      remove = end;
    });
    findings = await lint(folder, {
      ...Object.fromEntries(FORBIDDEN.map(([, path, line], index) => [pathOf(path, index), `${line}\n`])),
      'src/actors/allowed.ts': "import { systemClock } from '../clock.ts';\nexport const clock = systemClock;\n",
      'src/circle-a.ts': "import type { B } from './circle-b.ts';\nexport type A = B;\n",
      'src/circle-b.ts': "import type { A } from './circle-a.ts';\nexport type B = A | 1;\n",
      'src/floating.ts': 'async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}\n',
    });
  });

  it.each(FORBIDDEN.map(([why, path], index) => [why, pathOf(path, index)]))('it refuses when %s', (_, path) => {
    expect(findings.filter((finding) => /^noRestricted(Imports|Globals) /.test(finding))).toContainEqual(
      expect.stringMatching(new RegExp(` ${path}$`)),
    );
  });

  it('refuses a circle, even one of types', () => {
    expect(findings).toContain('noImportCycles src/circle-a.ts');
  });

  it('refuses a promise that nobody waits for', () => {
    expect(findings).toContain('noFloatingPromises src/floating.ts');
  });

  it('lets a file look down', () => {
    expect(findings.filter((finding) => finding.endsWith('allowed.ts'))).toEqual([]);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from './simulator-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const DOCS = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');

/** `vigilia simulator --control`, as somebody has it in a terminal. */
async function simulator() {
  const folder = temporaryFolder();
  const args = [MAIN, 'simulator', '--control', '--data', folder.path, '--log-level', 'silent'];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
    folder.remove();
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  return { child, exited, line };
}

test('does what it reads, one line each, in order, and outlasts the end of its input', async () => {
  const { child, exited, line } = await simulator();
  expect(await line()).toMatch(/^simulator: 127\.0\.0\.1:\d+, public key .*server-public-key\.pem$/);
  // What it says is what the documentation says.
  for (const account of [await line(), await line()]) {
    const [, phone = '', code = '', , password] = /^account: (\+\d+), code (\d+)(, password "(.*)")?$/.exec(account) ?? [];
    expect(DOCS).toContain(`| \`${phone}\` | \`${code}\` |${password === undefined ? '' : ` \`${password}\``} |`);
  }
  child.stdin.write('{"op": "post", "channel": "vigilia_news", "text": "hello"}\n\nnonsense\n');
  child.stdin.end(
    '{"op": "acceptToken", "phone": "0"}\n{"op": "dump", "channel": "vigilia_news", "after": 2251}\n{"op": "toString"}\n',
  );
  expect(JSON.parse(await line())).toMatchObject({ op: 'post', ok: true, result: { id: 2252 } });
  expect(JSON.parse(await line())).toMatchObject({ op: null, ok: false, error: expect.stringContaining('JSON object') });
  expect(JSON.parse(await line())).toMatchObject({ op: 'acceptToken', ok: false, error: expect.any(String) });
  expect(JSON.parse(await line())).toMatchObject({ op: 'dump', ok: true, result: [{ id: 2252, text: 'hello' }] });

  const { ok, error } = JSON.parse(await line()) as { ok: boolean; error: string };
  expect(ok).toBe(false);
  const [, known = ''] = /^there is no control operation toString; there are (.*)$/.exec(error) ?? [];
  const ops = known.split(', ');
  expect(ops.length).toBeGreaterThan(30);
  for (const op of ops) expect(DOCS, op).toMatch(new RegExp(`\`${op}[ \`]`));

  expect(child.exitCode).toBe(null);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

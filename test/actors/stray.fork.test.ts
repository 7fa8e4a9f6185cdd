import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const stray = fileURLToPath(new URL('../../dist/actors/stray.js', import.meta.url));

/** In a process of its own, with Node's own timers and handlers: as the program has it. */
const PROGRAM = `
const { currentOwner, onAccountOf } = await import(${JSON.stringify(stray)});
const told = (error) => process.stdout.write(\`\${currentOwner()?.path ?? 'nobody'}: \${error.message}\\n\`);
process.on('uncaughtException', told);
process.on('unhandledRejection', told);
const own = (path, work) => onAccountOf({ path, take: () => true }, work);
const later = new Promise((resolve) => setTimeout(resolve, 20));
own('timer', () => setTimeout(() => { throw new Error('in a timer'); }, 5));
own('immediate', () => setImmediate(() => { throw new Error('in an immediate'); }));
own('promise', () => { void Promise.reject(new Error('at once')); });
own('async', async () => { await later; throw new Error('after somebody else\\'s promise'); });
own('inner', () => own('inner/inner', () => { void later.then(() => { throw new Error('in a callback'); }); }));
setTimeout(() => { throw new Error('in nobody\\'s timer'); }, 40);
`;

it('Node tells whose a failure is that nobody awaited, in timers and in promises', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await new Promise((resolve) => child.on('close', resolve));
  expect(output.trim().split('\n').sort()).toEqual([
    "async: after somebody else's promise",
    'immediate: in an immediate',
    'inner/inner: in a callback',
    "nobody: in nobody's timer",
    'promise: at once',
    'timer: in a timer',
  ]);
});

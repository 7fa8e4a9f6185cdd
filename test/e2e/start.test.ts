import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Program, processesNaming, temporaryFolder } from '../support/program.ts';

vi.setConfig({ testTimeout: 60_000 });

it('a start whose embedded database cannot be opened ends with the folder and the reason, and leaves nothing running', async () => {
  const folder = await temporaryFolder(onTestFinished);
  const database = join(folder, 'data', 'worlds', 'simulator-demo', 'pglite');
  await mkdir(database, { recursive: true });
  await writeFile(join(database, 'somebody-elses'), 'file');
  const program = new Program(['start'], { HTTP_PORT: '0' }, folder);
  onTestFinished(() => program.kill());
  expect(await program.exited).toBe(1);
  expect(program.stderr).toMatch(/vigilia did not start: the database in .*pglite cannot be opened: .*\[DATA_DIR_UNUSABLE\]/);
  expect(program.stderr).not.toMatch(/^\s+at /m);
  expect(await processesNaming(folder)).toEqual([]);
});

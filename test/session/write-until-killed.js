// Run as a process of its own, on what `npm run build` made: writes sessions until it is killed, and says which one is kept.
import { writeSync } from 'node:fs';
import { sessionFiles } from '../../dist/actors/telegram/session-file.js';

const [, , folder = '', from = '0'] = process.argv;
const files = sessionFiles(folder, null);
for (let n = Number(from); ; n += 1) {
  // Sizes differ, so that a torn file could not pass for a whole one.
  await files.write('main', `session-${n}-${'x'.repeat((n * 131) % 3000)}`);
  writeSync(1, `${n}\n`);
}

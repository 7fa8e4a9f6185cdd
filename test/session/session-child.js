// Run as a process of its own, on what `npm run build` made: `session-child.js <command> <folder> …`, sealed with the key file there.
// A process that shall not have root's rights gets them taken away by whoever starts it.
import { writeSync } from 'node:fs';
import { openFileVault } from '../../dist/actors/telegram/session/file-vault.js';
import { systemClock } from '../../dist/clock.js';
import { silentLog } from '../../dist/log.js';

const [, , command = '', folder = '', argument = '', count = 'Infinity'] = process.argv;
const vault = openFileVault(folder, { key: null }, { world: 'telegram', clock: systemClock, log: silentLog });
const say = (text) => writeSync(1, `${text}\n`);
/** Sizes differ, so that a torn file could not pass for a whole one. */
const session = (name) => `session-${name}-${'x'.repeat((Number(name.replace(/\D/g, '')) * 131) % 3000)}`;
const refusal = ({ code, message }) => say(`refused ${code} ${message}`);

switch (command) {
  // Until it is killed: says the number of each session once it is kept.
  case 'write':
    for (let n = Number(argument); ; n += 1) {
      await vault.write('main', session(String(n)));
      say(n);
    }
  // The same beside another process: so many, under a name of its own.
  case 'write-some':
    say('ready');
    for (let n = 1; n <= Number(count); n += 1) {
      await vault.write('main', session(`${argument}${n}`)).then(() => say(`${argument}${n}`), refusal);
    }
    break;
  // Until it is killed: a new key each time.
  case 'rotate':
    for (let n = 0; ; n += 1) {
      await vault.rotate();
      say(n);
    }
  case 'write-once':
    await vault.write('main', 'y'.repeat(Number(argument))).then(() => say('written'), refusal);
    break;
  case 'read':
    await vault.read('main').then((found) => say(`read ${found}`), refusal);
    break;
}

// Run as a process of its own, on what `npm run build` made: holds a data directory until it is killed or its stdin ends.
import { openDataDir } from '../../dist/data-dir.js';

const dir = openDataDir(process.argv[2] ?? '', { pid: process.pid, startedAt: Date.now() });
process.stdout.write('held\n');
process.stdin.resume().on('end', () => dir.close());

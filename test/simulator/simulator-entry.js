// A simulator in a process of its own, as `vigilia simulator` runs it; its options come as JSON in the first argument.
import { systemClock, systemRandom } from '../../dist/clock.js';
import { createLog } from '../../dist/log.js';
import { serveControl, startSimulator } from '../../dist/simulator/simulator.js';

const options = JSON.parse(process.argv[2] ?? '{}');
try {
  const simulator = await startSimulator({
    host: '127.0.0.1',
    port: 0,
    ratePerSecond: 0,
    ...options,
    worldPath: options.worldPath,
    clock: systemClock,
    random: systemRandom,
    log: createLog(options.logLevel ?? 'silent'),
  });
  await serveControl(simulator, process);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error.code ?? ''} ${error.message}\n`);
  process.exit(1);
}

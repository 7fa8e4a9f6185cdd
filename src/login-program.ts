import { resolve } from 'node:path';
import { Registry } from './actors/registry.ts';
import { SimulatorDesk } from './actors/simulator-process.actor.ts';
import { type ActorSystem, startSystem } from './actors/system.ts';
import { LoginDesk } from './actors/telegram/login-desk.ts';
import { systemClock, systemRandom } from './clock.ts';
import type { Config } from './config.ts';
import { VigiliaError } from './errors.ts';
import type { Log } from './log.ts';
import type { Logins, LoginTelegram } from './ports.ts';
import { type ProgramHost, simulatorOf, telegramOf } from './program.ts';
import { openSessionTools } from './session-program.ts';
import { inWords } from './simulator/control.ts';
import { loginsSpec } from './tree.ts';
import { worldPlace } from './worlds.ts';

/** How many of the simulated people are named. */
const NAMED = 5;

/** Logins without the program: nobody is connected, and what is saved is used at the next start. */
export interface LoginTools {
  readonly logins: Logins;
  /** Who can log in where Telegram is simulated, for people. */
  readonly people: readonly string[];
  close(): Promise<void>;
}

/**
 * Takes the data directory, and starts what a login needs of the program: where Telegram is simulated, that too.
 * @throws DATA_DIR_LOCKED when a program runs there: then it has to be asked. DATA_DIR_UNUSABLE, STORE_UNAVAILABLE, FOREIGN_DATABASE
 */
export async function openLogins(config: Config, host: ProgramHost, log: Log): Promise<LoginTools> {
  const clock = systemClock;
  const random = systemRandom;
  // Holds the data directory; what it saves it reads back.
  const tools = await openSessionTools(config, 'write', { pid: host.pid, clock, log });
  let system: ActorSystem | undefined;
  const close = async (): Promise<void> => {
    await system?.stop();
    await tools.close();
  };
  try {
    const desk = config.telegram.kind === 'simulated' ? new SimulatorDesk(clock) : undefined;
    const folder = resolve(config.dataDir, 'worlds', worldPlace(config.telegram), 'simulator');
    const simulator = desk ? [simulatorOf({ ...config, logLevel: 'error' }, desk, host.entry, folder, { clock, log })] : [];
    const registry = new Registry(clock);
    const deps = { clock, random, log, registry };
    system = startSystem({ children: [...simulator, loginsSpec(deps)] }, deps);
    await system.started;
    let telegram: Promise<LoginTelegram> | undefined;
    const nobody = {
      health: () => ({ state: 'stopped' }),
      loggedIn: () => {},
      logOut: async () => {
        throw new VigiliaError('TELEGRAM_OFFLINE', 'the program does not run');
      },
    };
    const logins = new LoginDesk({
      ...deps,
      telegram: () => {
        telegram ??= telegramOf(config, desk, { clock, log });
        return telegram;
      },
      sessions: { write: (accountId, session) => tools.import(session, accountId, true).then(() => {}) },
      // The database may not be opened for this; the next start looks, and refuses to serve somebody else's session.
      claimUser: async () => {},
      targetOf: () => nobody,
      exists: async () => true,
      supervisor: () => system?.supervisor('root/logins'),
      isAlive: (id) => registry.tree(`root/logins/${id}`) !== undefined,
    });
    return { logins, people: desk?.accounts.slice(0, NAMED).map(inWords) ?? [], close };
  } catch (error) {
    await close();
    throw error;
  }
}

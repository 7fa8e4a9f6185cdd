import type { Config } from './config.ts';
import type { Log } from './log.ts';

/** What people have to know of this version, shown by `/health`. */
export function notesOf({ telegram }: Config): string[] {
  const notes: string[] = [];
  if (telegram.kind === 'simulated') notes.push('Telegram is simulated: nothing here comes from or goes to Telegram.');
  if (telegram.kind === 'server') notes.push('What answers as Telegram is the server of TELEGRAM_SERVER.');
  return notes;
}

/** The first lines of the log: what runs, what of it is embedded, and what is simulated. */
export function sayWhatRuns(config: Config, version: string, pid: number, log: Log, dataDir: string): void {
  for (const warning of config.warnings) log.warn({}, warning);
  const where = config.database ? 'PostgreSQL' : 'embedded database (PGlite)';
  log.info(
    { role: config.role, pid, dataDir },
    `Vigília ${version}: ${where}, ${config.rabbitmqUrl === null ? 'in-process broker' : 'RabbitMQ'}`,
  );
  if (config.telegram.kind === 'simulated') {
    const world = config.telegram.world ?? 'the built-in demo world';
    log.warn(
      { world },
      'Telegram is SIMULATED: a real MTProto server on loopback; set TELEGRAM_API_ID and TELEGRAM_API_HASH for Telegram',
    );
  }
  if (config.role !== 'gateway' && config.sessionKey === null) {
    // A simulated account is worth nothing to anybody.
    const level = config.telegram.kind === 'simulated' ? 'info' : 'warn';
    log[level](
      {},
      'SESSION_KEY is not set: the sessions are sealed with a key file beside them; whoever can read the data directory can use the accounts',
    );
  }
  for (const note of notesOf(config)) log.debug({}, note);
}

/**
 * Commands to copy into a shell, each a line of its own.
 * @param base where the API is, e.g. `http://127.0.0.1:4010/api/telegram-gateway`
 * @param there a channel and the people of the simulated world; undefined where none is known: then only health can be asked for
 */
export function sayWhatToTry(
  config: Config,
  log: Log,
  url: string,
  base: string,
  { channel, people }: { readonly channel: string | undefined; readonly people: readonly string[] },
): void {
  const token = config.tokens.length > 0 ? "-H 'X-Gateway-Token: YOUR_TOKEN' " : '';
  if (channel === undefined) {
    log.info({}, `try: curl ${token}'${url}/health'`);
    return;
  }
  const body = `-H 'content-type: application/json' -d '{"channelId":"${channel}","limit":200}'`;
  log.info({}, `try: curl ${token}-X POST '${base}/sync-messages' ${body}`);
  log.info({}, `then: curl ${token}'${base}/channels/${channel}/messages?limit=5'`);
  log.info({}, `and: curl ${token}'${url}/health'`);
  log.info({}, `all there is to ask: ${url}/docs`);
  if (people.length > 0)
    log.info({}, `to log in as well: npm run vigilia -- login --account second; as one of ${people.join('; ')}`);
}

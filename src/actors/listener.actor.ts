import { createServer } from 'node:net';
import { aborted } from '../clock.ts';
import { causeChain, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type ChildSpec, task } from './actor.ts';

/** What a listener serves: Fastify's applications are such. */
export interface Listenable {
  ready(): PromiseLike<unknown>;
  listen(at: { readonly host: string; readonly port: number }): Promise<string>;
  close(): PromiseLike<unknown>;
}

/** An address, and the variable in which its port stands. */
export interface ListensOn {
  readonly host: string;
  readonly port: number;
  readonly variable: string;
}

/**
 * A listener as a child: ready once it listens; a stop lets the requests in hand finish.
 * @param build makes what is served, anew for each life
 */
export function listenerSpec(
  id: string,
  at: ListensOn,
  build: () => Promise<Listenable>,
  onListening: (url: string) => void,
  log: Log,
): ChildSpec {
  let url: string | null = null;
  // Of the life before, which may have been cut off in the middle of its end: the port is free after that.
  let closed: Promise<unknown> = Promise.resolve();
  const tell = (told: string): void => {
    try {
      onListening(told);
    } catch (error) {
      // A full disk, say: others have to be told the address, and whoever knows it is served.
      log.warn({ url: told, causes: causeChain(error) }, `${id} is listening, and cannot tell others where`);
    }
  };
  return {
    id,
    kind: 'listener',
    shutdownMs: 10_000,
    staysUp: 'without it nobody could ask here to start it again; restart it, or stop the program',
    view: () => ({ url }),
    start: (life) => ({
      logic: task(async (signal) => {
        await closed;
        const app = await build();
        try {
          url = await listen(app, at);
          log.info({ url }, `${id} is listening`);
          tell(url);
          life.ready();
          await aborted(signal);
        } finally {
          url = null;
          const closing = Promise.resolve(app.close());
          closed = closing.catch(() => {});
          await closing;
        }
      }),
    }),
  };
}

/**
 * Tries an address at once and gives it back: who cannot listen shall not make a database first. Any free port (0) is there.
 * @throws PORT_IN_USE
 */
export async function proveAddress(at: ListensOn): Promise<void> {
  if (at.port === 0) return;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host: at.host, port: at.port }, resolve);
    });
  } catch (error) {
    throw cannotListen(at, error);
  }
  await new Promise((resolve) => server.close(resolve));
}

async function listen(app: Listenable, at: ListensOn): Promise<string> {
  try {
    return await app.listen({ host: at.host, port: at.port });
  } catch (error) {
    throw cannotListen(at, error);
  }
}

function cannotListen({ host, port, variable }: ListensOn, cause: unknown): VigiliaError {
  const { code } = cause as NodeJS.ErrnoException;
  const why =
    code === 'EADDRINUSE'
      ? `another process listens on ${host}:${port}; stop it, or set ${variable} to a free port`
      : `cannot listen on ${host}:${port} (${code}); check ${variable}`;
  return new VigiliaError('PORT_IN_USE', why, { cause });
}

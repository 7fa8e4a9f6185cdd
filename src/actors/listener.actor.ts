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

/**
 * A listener as a child: ready once it listens; a stop lets the requests in hand finish.
 * @param build makes what is served, anew for each life
 */
export function listenerSpec(
  id: string,
  at: { readonly host: string; readonly port: number; readonly variable: string },
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

async function listen(
  app: Listenable,
  { host, port, variable }: { host: string; port: number; variable: string },
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'EADDRINUSE'
        ? `another process listens on ${host}:${port}; stop it, or set ${variable} to a free port`
        : `cannot listen on ${host}:${port} (${code}); check ${variable}`;
    throw new VigiliaError('PORT_IN_USE', why, { cause: error });
  }
}

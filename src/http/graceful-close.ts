import type { App } from './app.ts';

/**
 * Makes `app.close()` end: answers in hand are finished and their connections closed after them, and once none is left, whatever
 * connection is still open (kept alive, or with half a request) is cut. Node alone would wait for the client to go. To be called before whatever waits
 * for something in `preClose`: the hooks come one after the other.
 * @returns whether it closes
 */
export function closeGracefully(app: App): () => boolean {
  let inHand = 0;
  let closing = false;
  const cutWhenDone = (): void => {
    if (closing && inHand === 0) app.server.closeAllConnections();
  };
  app.addHook('onRequest', (_request, reply, done) => {
    inHand += 1;
    // After the answer, or when the client went away before it.
    reply.raw.once('close', () => {
      inHand -= 1;
      cutWhenDone();
    });
    done();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('preClose', async () => {
    closing = true;
    cutWhenDone();
  });
  return () => closing;
}

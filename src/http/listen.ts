import type { AddressInfo } from 'node:net';
import type { Address } from '../config-values.ts';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';

/**
 * Starts to listen.
 * @param at port 0 takes any free one
 * @returns the URL where it answers, e.g. `http://127.0.0.1:4010`
 * @throws PORT_IN_USE when the address is taken, CONFIG_INVALID when it cannot be listened on at all
 */
export async function listen(app: App, at: Address): Promise<string> {
  const shown = at.host.includes(':') ? `[${at.host}]` : at.host;
  try {
    await app.listen(at);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'EADDRINUSE') {
      throw new VigiliaError('PORT_IN_USE', `Another process listens on ${shown}:${at.port} already.`, { cause: error });
    }
    throw new VigiliaError('CONFIG_INVALID', `${shown}:${at.port} cannot be listened on (${code}).`, { cause: error });
  }
  return `http://${shown}:${(app.server.address() as AddressInfo).port}`;
}

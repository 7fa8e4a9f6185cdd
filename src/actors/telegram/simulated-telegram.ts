import { VigiliaError } from '../../errors.ts';
import type { Telegram } from '../../ports.ts';

/** Where the simulator listens at this moment. */
export interface SimulatorAddress {
  readonly host: string;
  readonly port: number;
  readonly publicKeyPem: string;
}

/**
 * The `Telegram` port towards a simulator whose address may change with each of its lives.
 * @param address undefined while it is not running
 * @param connectTo makes the port for one address
 */
export function simulatedTelegram(
  address: () => SimulatorAddress | undefined,
  connectTo: (address: SimulatorAddress) => Telegram,
): Telegram {
  let known: { readonly key: string; readonly telegram: Telegram } | undefined;
  return {
    open: (session, entities, events) => {
      const now = address();
      if (!now) throw new VigiliaError('TELEGRAM_OFFLINE', 'the simulator is not running');
      const key = `${now.host}:${now.port}`;
      if (known?.key !== key) known = { key, telegram: connectTo(now) };
      return known.telegram.open(session, entities, events);
    },
  };
}

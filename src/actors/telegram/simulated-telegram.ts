import { VigiliaError } from '../../errors.ts';
import type { LoginTelegram, Telegram } from '../../ports.ts';

/** Where the simulator listens at this moment. */
export interface SimulatorAddress {
  readonly host: string;
  readonly port: number;
  readonly publicKeyPem: string;
  readonly dataCentres: readonly { readonly id: number; readonly host: string; readonly port: number }[];
}

/**
 * The `Telegram` port towards a simulator whose address may change with each of its lives, and the one for logins.
 * @param address undefined while it is not running
 * @param connectTo makes the port for one address
 */
export function simulatedTelegram(
  address: () => SimulatorAddress | undefined,
  connectTo: (address: SimulatorAddress) => Telegram & LoginTelegram,
): Telegram & LoginTelegram {
  let known: { readonly key: string; readonly telegram: Telegram & LoginTelegram } | undefined;
  const present = (): Telegram & LoginTelegram => {
    const now = address();
    if (!now) throw new VigiliaError('TELEGRAM_OFFLINE', 'the simulator is not running');
    const key = [now, ...now.dataCentres].map(({ host, port }) => `${host}:${port}`).join(' ');
    if (known?.key !== key) known = { key, telegram: connectTo(now) };
    return known.telegram;
  };
  return {
    open: (session, entities, events) => present().open(session, entities, events),
    openLogin: (session, events) => present().openLogin(session, events),
  };
}

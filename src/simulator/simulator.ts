import type { Clock, Random } from '../clock.ts';
import { errorRecord, type VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import type {
  ControlChannel,
  ControlMessage,
  ControlOp,
  ControlOps,
  ControlReply,
  ControlRequest,
  SimulatorInfo,
} from './control.ts';
import { ControlDesk, listedAccount, listedChannel } from './control-desk.ts';
import { LivePosting } from './live-posting.ts';
import { MtprotoServer } from './mtproto-server.ts';
import { ServerState } from './server-state.ts';
import { openStateFolder } from './state-folder.ts';
import { loadWorld } from './world-loader.ts';

/** How a simulator is started. */
export interface SimulatorOptions {
  /** A Telegram Desktop export (one chat's file, a folder of them, a full export), or undefined for the built-in world. */
  readonly worldPath: string | undefined;
  /** Where keys, logins and happenings are kept; made where it is missing. */
  readonly dataDir: string;
  /** Address to listen on. */
  readonly host: string;
  /** Of the home data centre, 0 for any free one; the other ones take one that is free, the same each time where they can. */
  readonly port: number;
  /** How many things happen by themselves per second, over all channels; 0 for none. */
  readonly ratePerSecond: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A running simulator. */
export interface Simulator extends SimulatorInfo {
  /** Does one thing it is told. @throws Error in words for people */
  control<Op extends ControlOp>(request: { op: Op } & ControlOps[Op]['request']): Promise<ControlOps[Op]['result']>;
  /** Closes all connections and gives the folder back. */
  close(): Promise<void>;
}

/**
 * Starts a Telegram server: real MTProto 2.0 over TCP (full and abridged transports), for clients that trust its key.
 * It belongs in a process of its own.
 * @throws WORLD_INVALID, DATA_DIR_LOCKED, DATA_DIR_UNUSABLE, PORT_IN_USE
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { clock, log } = options;
  const world = loadWorld(options.worldPath, log);
  const folder = await openStateFolder(options.dataDir, clock);
  let state: ServerState | undefined;
  try {
    state = ServerState.open(folder.journalFile, world, log);
    const opened = state;
    const { serverKey, publicKeyFile } = folder;
    const server = await MtprotoServer.listen({ host: options.host, port: options.port, serverKey, state, clock, log });
    const desk = new ControlDesk(server);
    const boxes = [...state.boxes];
    const generated = boxes.filter((box) => box.world.origin === 'generated');
    const live = new LivePosting(
      server.happenings,
      generated.length > 0 ? generated : boxes,
      options.ratePerSecond,
      clock,
      options.random,
      log,
    );
    log.info(
      { address: server.address, worldId: serverKey.worldId, channels: boxes.length, simulated: true },
      'simulator: listening; this is not Telegram',
    );
    return {
      address: server.address,
      dataCentres: server.dataCentres,
      publicKeyPem: serverKey.publicPem,
      publicKeyFile,
      worldId: serverKey.worldId,
      accounts: world.accounts.map(listedAccount),
      channels: boxes.map(listedChannel),
      control: async (request) => desk.handle(request as unknown as ControlRequest) as never,
      close: async () => {
        live.stop();
        await server.close();
        opened.close();
        folder.release();
      },
    };
  } catch (error) {
    state?.close();
    folder.release();
    throw error;
  }
}

/** Tells the parent why there is no simulator: it has more to say of it than an exit code. */
export function refuseControl(error: VigiliaError, channel: ControlChannel): Promise<void> {
  return new Promise((resolve) => {
    channel.send?.({ type: 'failed', error: errorRecord(error) } satisfies ControlReply, () => resolve());
  });
}

/**
 * Serves a simulator's control channel: announces that it listens, then answers each message in order.
 * @param channel the process itself where it was forked with an IPC channel
 * @returns resolves once the parent is gone and the simulator is closed: then the process should exit
 */
export function serveControl(simulator: Simulator, channel: ControlChannel): Promise<void> {
  const reply = (message: ControlReply): void => {
    // A parent that is gone by now is told nothing; its end of the channel says so in another way.
    if (channel.connected !== false) channel.send?.(message, () => {});
  };
  const { control: _control, close: _close, ...info } = simulator;
  return new Promise((resolve, reject) => {
    const end = (): void => {
      simulator.close().then(resolve, reject);
    };
    channel.on('disconnect', end);
    // The parent may have gone while the simulator was starting.
    if (channel.connected === false) end();
    channel.on('message', (message) => {
      const { id, ...request } = message as ControlMessage;
      simulator.control(request as { op: ControlOp } & ControlOps[ControlOp]['request']).then(
        (result) => reply({ id, ok: true, result }),
        (error: unknown) => reply({ id, ok: false, error: error instanceof Error ? error.message : String(error) }),
      );
    });
    reply({ type: 'listening', ...info });
  });
}

import { InvalidBufferError } from 'telegram/errors/index.js';
import { ConnectionTCPFull, FullPacketCodec } from 'telegram/network/connection/TCPFull.js';

type Reader = Parameters<FullPacketCodec['readPacket']>[0];

/** Telegram's word in place of a packet: a negative number (https://core.telegram.org/mtproto/mtproto-transports#transport-errors). */
const TRANSPORT_ERROR_BYTES = 4;

/**
 * GramJS's TCP transport, telling of transport errors: above it, GramJS makes of most of them a connection that was closed, so that nobody
 * could tell "too many connections" (-429) from a cut cable.
 * @param onTransportError told the error's number, which is negative, before GramJS does with it what it does
 */
export function linkConnection(onTransportError: (code: number) => void): typeof ConnectionTCPFull {
  class TellingCodec extends FullPacketCodec {
    override async readPacket(reader: Reader): Promise<Buffer> {
      try {
        const packet = await super.readPacket(reader);
        if (packet.length === TRANSPORT_ERROR_BYTES) onTransportError(packet.readInt32LE(0));
        return packet;
      } catch (error) {
        // It also comes without a frame around it.
        if (error instanceof InvalidBufferError && error.code !== undefined) onTransportError(-error.code);
        throw error;
      }
    }
  }
  return class extends ConnectionTCPFull {
    override PacketCodecClass = TellingCodec;
  };
}

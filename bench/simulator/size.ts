import { messageObject } from '../../src/simulator/message-view.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { WorldChannel } from '../../src/simulator/world.ts';

/** How many messages are encoded to find the mean size of all. */
const SAMPLE = 2_000;

/** @returns the mean size of a channel's messages as TL, in bytes, before packing: over the whole channel, evenly sampled where it is large */
export function meanTlBytes(channel: WorldChannel): number {
  const { size } = channel.source;
  const step = Math.max(1, Math.floor(size / SAMPLE));
  let bytes = 0;
  let counted = 0;
  for (let index = 0; index < size; index += step) {
    bytes += tl.encode(messageObject(channel, channel.source.messageAt(index))).length;
    counted++;
  }
  return counted === 0 ? 0 : bytes / counted;
}

import { AbridgedFraming } from './abridged-framing.ts';
import { FrameError, type Framing } from './framing.ts';
import { FullFraming } from './full-framing.ts';
import { IntermediateFraming, PaddedIntermediateFraming } from './intermediate-framing.ts';
import { OBFUSCATION_HEADER_BYTES, type Obfuscation, openObfuscation } from './obfuscation.ts';

const ABRIDGED_TAG = 0xef;

/** Transports that announce themselves, by what an obfuscated header holds of them. */
const TAGGED: ReadonlyMap<number, () => Framing> = new Map([
  [0xefefefef, () => new AbridgedFraming()],
  [0xeeeeeeee, () => new IntermediateFraming()],
  [0xdddddddd, () => new PaddedIntermediateFraming()],
]);

/** How HTTP and TLS begin: no obfuscated header does. */
const FOREIGN = new Set(['HEAD', 'POST', 'GET ', 'OPTI', '\x16\x03\x01\x02'].map((word) => Buffer.from(word).readUInt32LE(0)));

/** What a connection speaks. */
export interface Transport {
  readonly framing: Framing;
  readonly obfuscation: Obfuscation | undefined;
  /** How many bytes only said which transport it is. */
  readonly headerBytes: number;
}

/**
 * Tells a transport by the first bytes of a connection. The full one alone begins with no tag, but with a length and the sequence number 0,
 * and no obfuscated header has four zero bytes there.
 * @returns undefined when more bytes are needed @throws FrameError when they are of none
 */
export function detectTransport(start: Buffer): Transport | undefined {
  if (start[0] === ABRIDGED_TAG) return { framing: new AbridgedFraming(), obfuscation: undefined, headerBytes: 1 };
  if (start.length < 4) return undefined;
  const first = start.readUInt32LE(0);
  const tagged = TAGGED.get(first);
  if (tagged !== undefined) return { framing: tagged(), obfuscation: undefined, headerBytes: 4 };
  if (FOREIGN.has(first)) throw new FrameError('HTTP or TLS');
  if (start.length < 8) return undefined;
  if (start.readUInt32LE(4) === 0) return { framing: new FullFraming(), obfuscation: undefined, headerBytes: 0 };
  if (start.length < OBFUSCATION_HEADER_BYTES) return undefined;
  const obfuscation = openObfuscation(start.subarray(0, OBFUSCATION_HEADER_BYTES));
  const inner = TAGGED.get(obfuscation.tag);
  if (inner === undefined) throw new FrameError('an unknown transport in an obfuscated one');
  return { framing: inner(), obfuscation, headerBytes: OBFUSCATION_HEADER_BYTES };
}

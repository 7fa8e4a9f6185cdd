import { VigiliaError } from '../../../errors.ts';

/** Bytes of an MTProto auth key. */
const KEY_BYTES = 256;
/** Telethon writes the address in binary: 4 bytes, or 16. */
const TELETHON_BYTES: ReadonlySet<number> = new Set([1 + 4 + 2 + KEY_BYTES, 1 + 16 + 2 + KEY_BYTES]);
const ADDRESS = /^[0-9A-Za-z.:_-]{3,100}$/;

/**
 * Checks a GramJS or Telethon `StringSession` ("1" and base64 of data centre, address, port, auth key), as far as it says anything of itself:
 * whether Telegram still knows its key, only Telegram knows.
 * @param text white space around it, and the line ends of a wrapped one, do not count
 * @returns the session, and the data centre that it belongs to
 * @throws SESSION_INVALID, which never quotes the text
 */
export function parseStringSession(text: string): { readonly session: string; readonly dcId: number } {
  const session = text.replace(/\s+/g, '');
  if (session === '') throw invalid('there is nothing');
  if (!session.startsWith('1')) throw invalid('it does not begin with its version, 1');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(session)) throw invalid('it has characters that are no base64');
  const bytes = Buffer.from(session.slice(1), 'base64');
  try {
    if (bytes.length < 1 + KEY_BYTES) throw invalid('it is too short: was all of it copied?');
    const dcId = bytes.readUInt8(0);
    if (dcId === 0) throw invalid('it names no data centre');
    if (!TELETHON_BYTES.has(bytes.length)) checkGramJs(bytes);
    if (bytes.subarray(-KEY_BYTES).every((byte) => byte === 0)) throw invalid('its key is empty');
    return { session, dcId };
  } finally {
    bytes.fill(0);
  }
}

/** GramJS: data centre, length of the address, address, port, key. */
function checkGramJs(bytes: Buffer): void {
  const length = bytes.readInt16BE(1);
  if (bytes.length !== 1 + 2 + length + 2 + KEY_BYTES)
    throw invalid('its length is not that of a session: was all of it copied?');
  if (!ADDRESS.test(bytes.toString('latin1', 3, 3 + length))) throw invalid('its address is none');
}

function invalid(why: string): VigiliaError {
  return new VigiliaError('SESSION_INVALID', `this is no GramJS or Telethon StringSession: ${why}`);
}

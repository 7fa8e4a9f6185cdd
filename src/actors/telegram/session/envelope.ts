import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { isKdf, type Kdf, type WrappingKey } from './key-derivation.ts';

const MAGIC = 'vigilia-session';
const FORMAT = 2;

/** What an envelope is, and whose: sealed into it, so that it opens in its own place and in no other. */
export interface Subject {
  readonly kind: 'session' | 'backup';
  /** Which Telegram: the name of its folder in the data directory. */
  readonly world: string;
  /** Empty for a backup. */
  readonly account: string;
  /** Counts an account's saved sessions from 1; 0 for a backup. */
  readonly generation: number;
}

/** AES-256-GCM's output, each part in base64. */
interface Box {
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** A sound envelope, not yet opened. */
export interface Envelope extends Subject {
  /** ms since the Unix epoch. */
  readonly savedAt: number;
  readonly kdf: Kdf;
  /** Of the wrapping key. */
  readonly keyCheck: string;
  /** The data key, wrapped. */
  readonly dataKey: Box;
  readonly content: Box;
}

/** Why a text is no sound envelope. Says nothing of its content. */
export class DamagedEnvelope extends Error {}

/**
 * Seals a text: AES-256-GCM under a data key of its own, and the data key under the wrapping key. Both are bound to the subject and the time.
 * @returns two lines of ASCII: name, format and SHA-256 of the second line; the envelope as JSON
 */
export function sealEnvelope(subject: Subject, savedAt: number, text: string, wrapping: WrappingKey): string {
  const dataKey = randomBytes(32);
  const plain = Buffer.from(text, 'utf8');
  try {
    const about = { ...pickSubject(subject), savedAt };
    const content = encrypt(dataKey, plain, bind('content', about));
    return write({ ...about, ...wrap(dataKey, wrapping, about), content });
  } finally {
    dataKey.fill(0);
    plain.fill(0);
  }
}

/** @throws DamagedEnvelope when a single bit is not as it was written */
export function parseEnvelope(text: string): Envelope {
  const head = `${MAGIC} ${FORMAT} `;
  const bodyAt = head.length + 65;
  if (!text.startsWith(MAGIC)) throw new DamagedEnvelope('is no envelope');
  if (!text.startsWith(head)) throw new DamagedEnvelope('has a format that this version does not know');
  const body = text.slice(bodyAt);
  if (text.slice(head.length, bodyAt) !== `${checksum(body)}\n`) throw new DamagedEnvelope('is damaged: its checksum is another');
  const parsed = parseJson(body);
  if (!isEnvelope(parsed)) throw new DamagedEnvelope('is damaged: parts are missing');
  return parsed;
}

/** @throws DamagedEnvelope when it was not sealed as it is now, with this key */
export function openEnvelope(envelope: Envelope, wrapping: WrappingKey): string {
  const dataKey = unwrap(envelope, wrapping);
  try {
    const plain = decrypt(dataKey, envelope.content, bind('content', envelope));
    const text = plain.toString('utf8');
    plain.fill(0);
    return text;
  } finally {
    dataKey.fill(0);
  }
}

/** Wraps the data key anew: the content stays as it was sealed. @throws DamagedEnvelope as {@link openEnvelope} */
export function rewrapEnvelope(envelope: Envelope, from: WrappingKey, to: WrappingKey): string {
  // Not only the data key: what cannot be opened any more shall not look as if it were kept.
  openEnvelope(envelope, from);
  const dataKey = unwrap(envelope, from);
  try {
    const about = { ...pickSubject(envelope), savedAt: envelope.savedAt };
    return write({ ...about, ...wrap(dataKey, to, about), content: envelope.content });
  } finally {
    dataKey.fill(0);
  }
}

type About = Subject & { readonly savedAt: number };

function pickSubject({ kind, world, account, generation }: Subject): Subject {
  return { kind, world, account, generation };
}

/** The associated data: a list, so that no part can pass for a part of another. */
function bind(part: 'content' | 'key', about: About, kdf?: Kdf): Buffer {
  const { kind, world, account, generation, savedAt } = about;
  return Buffer.from(JSON.stringify([MAGIC, FORMAT, part, kind, world, account, generation, savedAt, kdf ?? null]), 'utf8');
}

function wrap(dataKey: Buffer, { kdf, key, check }: WrappingKey, about: About): Pick<Envelope, 'kdf' | 'keyCheck' | 'dataKey'> {
  return { kdf, keyCheck: check, dataKey: encrypt(key, dataKey, bind('key', about, kdf)) };
}

function unwrap(envelope: Envelope, { key }: WrappingKey): Buffer {
  return decrypt(key, envelope.dataKey, bind('key', envelope, envelope.kdf));
}

function encrypt(key: Buffer, plain: Buffer, about: Buffer): Box {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(about);
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), data: data.toString('base64') };
}

function decrypt(key: Buffer, box: Box, about: Buffer): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(box.iv, 'base64'), { authTagLength: 16 });
    decipher.setAAD(about);
    decipher.setAuthTag(Buffer.from(box.tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(box.data, 'base64')), decipher.final()]);
  } catch {
    throw new DamagedEnvelope('is not as it was sealed');
  }
}

function write(envelope: Envelope): string {
  // ASCII, whatever the account is called: then each byte is a character, and no damage is repaired by decoding.
  const json = JSON.stringify({ format: FORMAT, ...envelope }).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const body = `${json}\n`;
  return `${MAGIC} ${FORMAT} ${checksum(body)}\n${body}`;
}

function checksum(body: string): string {
  return createHash('sha256').update(body, 'latin1').digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, world, account, generation, savedAt, kdf, keyCheck, dataKey, content } = value as Partial<Envelope>;
  const counts = [generation, savedAt].every((number) => Number.isSafeInteger(number) && (number as number) >= 0);
  const texts = [world, account, keyCheck].every((text) => typeof text === 'string');
  return (kind === 'session' || kind === 'backup') && counts && texts && isKdf(kdf) && isBox(dataKey) && isBox(content);
}

function isBox(value: unknown): value is Box {
  if (typeof value !== 'object' || value === null) return false;
  const { iv, tag, data } = value as Partial<Box>;
  return [iv, tag, data].every((part) => typeof part === 'string');
}

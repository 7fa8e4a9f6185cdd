import type { Json } from '../../ports.ts';

/**
 * PostgreSQL refuses U+0000 and lone surrogates, in text and in JSON. They are stored as this character (a Unicode noncharacter, so no
 * text is meant to hold it) and the code unit's four hex digits; the character itself is written the same way.
 */
const ESCAPE = '\u{FDD0}';
const REFUSED = /[\0\u{FDD0}\p{Surrogate}]/gu;
// Without the flag `u` a pair of surrogates, which is not refused, is found too, but in a text without any there is nothing to find: quick.
const SUSPECT = /[\0\uFDD0\uD800-\uDFFF]/;
const ESCAPED = /\u{FDD0}([0-9a-f]{4})/gu;
// JSON.stringify writes lone surrogates and U+0000 as escapes; every other escape is matched too, so that `\\u0000` is not taken for one.
const REFUSED_IN_JSON = /\\u(0000|d[89a-f][0-9a-f]{2})|\\.|\u{FDD0}/gu;

/** A text as PostgreSQL accepts it; {@link decodeText} gives back exactly the same code units. */
export function encodeText(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text.replace(REFUSED, (unit) => ESCAPE + unit.charCodeAt(0).toString(16).padStart(4, '0'));
}

/** The text that {@link encodeText} was given. */
export function decodeText(stored: string): string {
  if (!stored.includes(ESCAPE)) return stored;
  return stored.replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A value as JSON text that PostgreSQL accepts as `jsonb` (and so as `json`), its strings and keys escaped as {@link encodeText} does. */
export function encodeJson(value: Json): string {
  const json = JSON.stringify(value);
  // Nearly every value is stored as it is, and looking costs a fraction of a replacing pass.
  if (!json.includes('\\u') && !json.includes(ESCAPE)) return json;
  return json.replace(REFUSED_IN_JSON, (found, hex: string | undefined) => {
    if (hex !== undefined) return ESCAPE + hex;
    return found === ESCAPE ? `${ESCAPE}fdd0` : found;
  });
}

/** The value that {@link encodeJson} was given, keys in whatever order the database keeps them. */
export function decodeJson(stored: string): Json {
  return JSON.parse(stored.includes(ESCAPE) ? stored.replace(ESCAPED, '\\u$1') : stored) as Json;
}

/** Crockford's base 32: sorts as it counts, and has no letters that people mistake. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A job's id: prefix, ten digits of time and twelve of chance, so that ids sort by their time of birth (as a ULID does).
 * @param prefix e.g. `sync`
 * @param now ms since epoch
 * @param entropy at least 12 random bytes
 * @example jobId('sync', 1763683200000, bytes) // 'sync-01KAHVBV00X4M8V6P2ZC7R'
 */
export function jobId(prefix: string, now: number, entropy: Uint8Array): string {
  let time = '';
  for (let rest = now, digit = 0; digit < 10; digit++) {
    time = ALPHABET[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  let chance = '';
  for (let at = 0; at < 12; at++) chance += ALPHABET[(entropy[at] ?? 0) % 32];
  return `${prefix}-${time}${chance}`;
}

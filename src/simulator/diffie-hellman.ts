import { createDiffieHellman, type DiffieHellman, randomBytes } from 'node:crypto';

/** Telegram's own safe prime (https://core.telegram.org/mtproto/security_guidelines): strict clients know it by heart. */
export const DH_PRIME = Buffer.from(
  'c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37' +
    '20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f642477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4' +
    'a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4' +
    'e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b',
  'hex',
);

/** Its generator. */
export const DH_GENERATOR = 3;

const PRIME = BigInt(`0x${DH_PRIME.toString('hex')}`);
const MARGIN = 2n ** (2048n - 64n);

let group: DiffieHellman | undefined;

/** The group's arithmetic, native. Made once: OpenSSL checks the prime for a quarter of a second. */
function sharedGroup(): DiffieHellman {
  group ??= createDiffieHellman(DH_PRIME, DH_GENERATOR);
  return group;
}

/** @returns whether a public value lies where the security guidelines want it, 2^1984 away from both ends */
export function isPublicValueSafe(value: Buffer): boolean {
  if (value.length === 0 || value.length > 256) return false;
  const number = BigInt(`0x${value.toString('hex')}`);
  return number > MARGIN && number < PRIME - MARGIN;
}

/** A fresh exponent and what it makes of the generator; the public value is one that {@link isPublicValueSafe}. */
export function exchangeKeys(): { readonly exponent: Buffer; readonly publicValue: Buffer } {
  for (;;) {
    const exponent = randomBytes(256);
    exponent[0] = (exponent[0] ?? 0) & 0x7f;
    const dh = sharedGroup();
    dh.setPrivateKey(exponent);
    const publicValue = dh.generateKeys();
    if (isPublicValueSafe(publicValue)) return { exponent, publicValue };
  }
}

/** The other side's public value to the power of our exponent. */
export function sharedSecret(exponent: Buffer, otherPublicValue: Buffer): Buffer {
  const dh = sharedGroup();
  dh.setPrivateKey(exponent);
  return dh.computeSecret(otherPublicValue);
}

import { isIPv6 } from 'node:net';

const IPV4 = /^[\d.]+$/;

/** @returns what one party has of addresses: an IPv4 address, or the /64 of an IPv6 one, whose other half everybody chooses freely */
export function networkOf(address: string): string {
  // By far the most: what tells an IPv6 address is long.
  if (IPV4.test(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const bare = address.split('%')[0] ?? '';
  if (!isIPv6(bare)) return address;
  // What URL makes of it has no leading zeros, and one gap at most.
  const [head = '', tail] = new URL(`http://[${bare}]/`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4).join(':');
}

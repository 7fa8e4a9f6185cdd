import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeBoxKeys, sealTo } from '../../src/sealed-box.ts';

const keys = makeBoxKeys();
const other = makeBoxKeys();

describe('a sealed box', () => {
  test('opens with the key and the words that it was sealed with, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, about) => {
        expect(keys.open(sealTo(keys.publicKey, text, about), about)).toBe(Buffer.from(text, 'utf8').toString('utf8'));
      }),
      { numRuns: 100 },
    );
  });

  test('opens with no other key, and about nothing else', () => {
    const box = sealTo(keys.publicKey, 'secret', 'errand 1');
    expect(() => other.open(box, 'errand 1')).toThrow();
    expect(() => keys.open(box, 'errand 2')).toThrow();
  });

  test('opens no more when a single bit of it is another', () => {
    const box = Buffer.from(sealTo(keys.publicKey, 'secret', 'a'), 'base64url');
    let opened = 0;
    for (let bit = 0; bit < box.length * 8; bit++) {
      const bent = Buffer.from(box);
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        keys.open(bent.toString('base64url'), 'a');
        opened += 1;
      } catch {
        // As it should.
      }
    }
    expect(opened).toBe(0);
  });

  test('is another each time, and has nothing of its text in it', () => {
    const boxes = Array.from({ length: 50 }, () => sealTo(keys.publicKey, '12345', 'a'));
    expect(new Set(boxes).size).toBe(50);
    for (const box of boxes) expect(Buffer.from(box, 'base64url').includes('12345')).toBe(false);
  });

  test('is refused when it is none, or the key is none', () => {
    for (const garbage of ['', 'AAAA', 'A'.repeat(200)]) expect(() => keys.open(garbage, 'a')).toThrow();
    expect(() => sealTo('AAAA', 'secret', 'a')).toThrow();
  });
});

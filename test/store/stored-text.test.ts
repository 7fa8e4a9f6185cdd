import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeJson, decodeText, encodeJson, encodeText } from '../../src/actors/store/stored-text.ts';
import type { Json } from '../../src/ports.ts';

const unit = fc.oneof(
  fc.constantFrom('\0', '\u{FDD0}', '\u{FDD0}fdd0', '\\', '\\u0000', '\\ud800', '"', '\n'),
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
);
const text = fc.string({ unit, maxLength: 20 });

describe('stored text', () => {
  test('holds no NUL and no lone surrogate, and comes back code unit by code unit', () => {
    fc.assert(
      fc.property(text, (original) => {
        const stored = encodeText(original);
        expect(stored).not.toMatch(/\p{Surrogate}/u);
        expect(stored).not.toContain('\0');
        expect(decodeText(stored)).toBe(original);
      }),
      { numRuns: 2000 },
    );
  });

  test('is the text itself where nothing is refused', () => {
    for (const plain of ['', 'Olá 🌍', '\\u0000 \\ud800', 'ﷺ\u{FDCF}\u{FDD1}']) {
      expect(encodeText(plain)).toBe(plain);
      expect(decodeText(plain)).toBe(plain);
    }
  });

  test('written by somebody else, with the escape character but no code after it, is left as it is', () => {
    for (const foreign of ['\u{FDD0}', '\u{FDD0}12', '\u{FDD0}xyz1']) expect(decodeText(foreign)).toBe(foreign);
  });

  test('JSON is refused by no parser, keys too, and comes back as the same value', () => {
    const leaf = fc.oneof(text, fc.boolean(), fc.constant(null), fc.integer());
    const value = fc.oneof(leaf, fc.array(leaf), fc.dictionary(text, fc.oneof(leaf, fc.dictionary(text, leaf))));
    fc.assert(
      fc.property(value, (original) => {
        const stored = encodeJson(original as Json);
        expect(stored).not.toMatch(/\p{Surrogate}/u);
        expect(stored).not.toMatch(/(?<!\\)(\\\\)*\\u(0000|d[89a-f])/);
        expect(decodeJson(stored)).toEqual(original);
        expect(decodeJson(JSON.stringify(JSON.parse(stored)))).toEqual(original);
      }),
      { numRuns: 2000 },
    );
  });
});

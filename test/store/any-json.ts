import fc from 'fast-check';
import type { Json } from '../../src/ports.ts';

/** Code units of every kind that databases have trouble with. */
export const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\0',
      '\u{FDD0}',
      '\u{FDD0}0000',
      '\\',
      '\\u0000',
      '"',
      '{',
      '}',
      ',',
      'NULL',
      "'",
      '%',
      '\n',
      '🌍',
      '\u{1F469}\u200D\u{1F4BB}',
    ),
    fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit)),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});
/** Whatever JSON can hold, keys too. */
export const anyJson = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.maxSafeInteger(),
    anyText,
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(anyText, tie('json'), { maxKeys: 3 }),
  ),
})).json;

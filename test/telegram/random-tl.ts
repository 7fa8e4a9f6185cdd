import fc from 'fast-check';
import apiSchema from 'telegram/tl/apiTl.js';
import { CORE_TYPES } from 'telegram/tl/generationHelpers.js';
import type { TlObject, TlValue } from '../../src/simulator/tl-codec.ts';
import { parseTlSchema, type TlDefinition, type TlField } from '../../src/simulator/tl-schema.ts';

/** Every constructor of the API that stands for an object (not for truth or nothing), as the simulator reads the schema. */
export const constructors: readonly TlDefinition[] = parseTlSchema(apiSchema).filter(
  ({ isMethod, id }) => !isMethod && !CORE_TYPES.has(id),
);

const byType = new Map<string, TlDefinition[]>();
for (const one of constructors) byType.set(one.result, [...(byType.get(one.result) ?? []), one]);
/** From here on no field is there that need not be. */
const MAX_DEPTH = 5;
/** How deep the shallowest object of a type is. */
const depths = new Map<string, number>();

function elementType(type: string): string {
  return /^[vV]ector<(.+)>$/.exec(type)?.[1] ?? type;
}

function needs({ fields }: TlDefinition): number {
  const needed = fields.filter(({ flag, type }) => flag === null && byType.has(type));
  return 1 + Math.max(0, ...needed.map(({ type }) => depths.get(type) ?? Number.POSITIVE_INFINITY));
}

for (let changed = true; changed; ) {
  changed = false;
  for (const [type, all] of byType) {
    const depth = Math.min(...all.map(needs));
    if (depth < (depths.get(type) ?? Number.POSITIVE_INFINITY)) {
      depths.set(type, depth);
      changed = true;
    }
  }
}

/** The constructors of a type and of everything that can be in it. */
export function reachableFrom(type: string): TlDefinition[] {
  const seen = new Set<string>();
  const next = [type];
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const { fields } of byType.get(at) ?? []) {
      next.push(...fields.map((field) => elementType(field.type)).filter((inner) => byType.has(inner)));
    }
  }
  return [...seen].flatMap((name) => byType.get(name) ?? []);
}

const long = () => {
  const edges = fc.constantFrom(
    0n,
    1n,
    -1n,
    2n ** 53n - 1n,
    2n ** 53n,
    -(2n ** 53n),
    -(2n ** 53n) - 1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  );
  return fc.oneof(edges, fc.bigInt(1n, 2n ** 40n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
};
const int = () => fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31)), fc.integer());
const string = () =>
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom(252, 253, 254, 255, 256, 300).map((size) => 'x'.repeat(size)),
  );
const bytes = () => fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ minLength: 250, maxLength: 260 }));
const double = () => fc.double({ noNaN: true, noDefaultInfinity: true });
const definition = (among: readonly TlDefinition[]) => fc.constantFrom(...among);

/** Makes random objects within one run of a property. @param gen what `fc.gen()` gives */
export class RandomTl {
  readonly #gen: fc.GeneratorValue;

  constructor(gen: fc.GeneratorValue) {
    this.#gen = gen;
  }

  /** Any constructor of a type. */
  ofType(type: string, depth = 0): TlObject {
    const all = byType.get(type) ?? [];
    const shallow = Math.min(...all.map(needs));
    return this.object(this.#gen(definition, depth < MAX_DEPTH ? all : all.filter((one) => needs(one) === shallow)), depth);
  }

  /** An object of one constructor. */
  object({ name, fields }: TlDefinition, depth = 0): TlObject {
    const out: Record<string, TlValue> = { _: name };
    // Fields can share a bit: then all are there or none.
    const bits = new Map<string, boolean>();
    for (const field of fields) {
      if (field.type === '#') continue;
      if (field.flag !== null) {
        const bit = `${field.flag.field}.${field.flag.bit}`;
        const isThere = bits.get(bit) ?? (depth < MAX_DEPTH && this.#gen(fc.boolean));
        bits.set(bit, isThere);
        if (!isThere) continue;
      }
      out[field.name] = this.#value(field, depth);
    }
    // GramJS makes no message without an id.
    if (/^message(Service|Empty)?$/.test(name)) out.id = this.#gen(fc.integer, { min: 1, max: 2 ** 31 - 1 });
    return out as TlObject;
  }

  #value({ type }: TlField, depth: number): TlValue {
    const inner = elementType(type);
    if (inner === type) return this.#one(type, depth);
    const size = depth < MAX_DEPTH ? this.#gen(fc.integer, { min: 0, max: 3 }) : 0;
    return Array.from({ length: size }, () => this.#one(inner, depth));
  }

  #one(type: string, depth: number): TlValue {
    switch (type) {
      case 'int':
        return this.#gen(int);
      case 'long':
        return this.#gen(long);
      case 'double':
        return this.#gen(double);
      case 'string':
        return this.#gen(string);
      case 'bytes':
        return this.#gen(bytes);
      case 'int128':
        return this.#gen(fc.uint8Array, { minLength: 16, maxLength: 16 });
      case 'int256':
        return this.#gen(fc.uint8Array, { minLength: 32, maxLength: 32 });
      case 'true':
        return true;
      case 'Bool':
        return this.#gen(fc.boolean);
      default:
        return this.ofType(type, depth + 1);
    }
  }
}

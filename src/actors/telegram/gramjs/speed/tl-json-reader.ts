import { TypeNotFoundError } from 'telegram/errors/index.js';
import type { Json } from '../../../../ports.ts';
import type { TlBytes } from './tl-bytes.ts';
import type { TlField, TlSchema } from './tl-schema.ts';

const BOOL_TRUE = 0x997275b5;
const BOOL_FALSE = 0xbc799737;
const VECTOR = 0x1cb5c415;
/** No TL value takes less, so that a vector cannot have more elements than a fourth of the bytes that are left. */
const MIN_VALUE_BYTES = 4;

type Read = (bytes: TlBytes) => Json;

/** The fields of flags that the schema has; which of them a field has to do with, or 0 for none. */
const FLAGS = ['', 'flags', 'flags2'];

/** What to do for one field. */
interface Step {
  readonly name: string;
  /** Of a field of flags: which. */
  readonly flags: number;
  /** Of a field that is there only when a bit is set: in which flags, and the bit. */
  readonly presence: number;
  readonly mask: number;
  /** Undefined where the bit is all there is of it. */
  readonly read: Read | undefined;
  /** Whether it goes to the columns where they are kept apart. */
  readonly isColumn: boolean;
}

/** How to read one constructor's fields, in their order. */
export interface TlPlan {
  readonly name: string;
  readonly steps: readonly Step[];
}

/**
 * Reads TL straight into the JSON that `tlToJson` makes of GramJS's objects, without those objects. Each constructor gets a plan,
 * made from GramJS's own schema when it is first met. Like GramJS, it takes in each place whatever constructor stands there.
 */
export class TlJsonReader {
  readonly #schema: TlSchema;
  readonly #columns: ReadonlySet<string>;
  readonly #plans = new Map<number, TlPlan>();

  /** @param columns fields that {@link TlJsonReader.fields} can keep apart */
  constructor(schema: TlSchema, columns: ReadonlySet<string>) {
    this.#schema = schema;
    this.#columns = columns;
  }

  /**
   * One value, with its constructor's number before it.
   * @throws TypeNotFoundError for a number that the schema does not know, RangeError or Error for malformed data
   */
  readonly value: Read = (bytes) => {
    const id = bytes.uint();
    const plan = this.#plans.get(id);
    if (plan === undefined) {
      if (id === BOOL_TRUE) return true;
      if (id === BOOL_FALSE) return false;
      if (id === VECTOR) return elements(bytes, this.value);
    }
    const { name, steps } = plan ?? this.#newPlan(id, bytes);
    const out: Record<string, Json> = { _: name };
    readSteps(bytes, steps, out, out);
    return out;
  };

  /**
   * Reads a constructor's number.
   * @throws TypeNotFoundError for one that the schema does not know
   */
  plan(bytes: TlBytes): TlPlan {
    const id = bytes.uint();
    return this.#plans.get(id) ?? this.#newPlan(id, bytes);
  }

  /** Reads the fields of a plan into `out`, those that are columns into `columns`. */
  fields(bytes: TlBytes, { steps }: TlPlan, out: Record<string, Json>, columns: Record<string, Json>): void {
    readSteps(bytes, steps, out, columns);
  }

  #newPlan(id: number, bytes: TlBytes): TlPlan {
    const found = this.#schema.find(id);
    if (found === undefined) throw new TypeNotFoundError(id, bytes.rest());
    const plan = { name: found.name, steps: found.fields.map((field) => this.#step(field)) };
    this.#plans.set(id, plan);
    return plan;
  }

  #step(field: TlField): Step {
    const { name, flagIndicator, isFlag, flagIndex, type } = field;
    return {
      name,
      flags: flagIndicator ? flagsNumber(name) : 0,
      presence: isFlag ? flagsNumber(field.flagName) : 0,
      mask: isFlag ? 1 << flagIndex : 0,
      read: flagIndicator || (isFlag && type === 'true') ? undefined : this.#reader(field),
      isColumn: this.#columns.has(name),
    };
  }

  #reader({ type, isVector, useVectorId }: TlField): Read {
    const read = this.#single(type);
    if (!isVector) return read;
    if (!useVectorId) return (bytes) => elements(bytes, read);
    return (bytes) => vector(bytes, read);
  }

  #single(type: string | null): Read {
    switch (type) {
      case 'int':
        return (bytes) => bytes.int();
      case 'long':
        return (bytes) => bytes.long();
      case 'double':
        return (bytes) => bytes.double();
      case 'string':
        return (bytes) => bytes.string();
      case 'bytes':
        return (bytes) => bytes.bytes();
      case 'Bool':
        return bool;
      case 'int128':
      case 'int256':
      case 'true':
      case null:
        throw new Error(`the schema has ${type} where it is not read directly`);
      default:
        return this.value;
    }
  }
}

/**
 * A vector with its number before it.
 * @throws Error when it is none, RangeError when it cannot be as long as it says
 */
export function vector<T>(bytes: TlBytes, read: (bytes: TlBytes) => T): T[] {
  const id = bytes.uint();
  if (id !== VECTOR) throw new Error(`a vector was expected, not ${id.toString(16)}`);
  return elements(bytes, read);
}

function elements<T>(bytes: TlBytes, read: (bytes: TlBytes) => T): T[] {
  const count = bytes.int();
  if (count * MIN_VALUE_BYTES > bytes.left) throw new RangeError(`a vector of ${count} elements in ${bytes.left} bytes`);
  const out: T[] = [];
  for (let index = 0; index < count; index++) out.push(read(bytes));
  return out;
}

function bool(bytes: TlBytes): boolean {
  const id = bytes.uint();
  if (id !== BOOL_TRUE && id !== BOOL_FALSE) throw new Error(`invalid boolean code ${id.toString(16)}`);
  return id === BOOL_TRUE;
}

function flagsNumber(name: string | null): number {
  const number = FLAGS.indexOf(name ?? '');
  if (number < 1) throw new Error(`the schema has flags called ${name}`);
  return number;
}

function readSteps(bytes: TlBytes, steps: readonly Step[], out: Record<string, Json>, columns: Record<string, Json>): void {
  let flags = 0;
  let flags2 = 0;
  for (const { name, flags: flagsHere, presence, mask, read, isColumn } of steps) {
    if (flagsHere !== 0) {
      if (flagsHere === 1) flags = bytes.int();
      else flags2 = bytes.int();
      continue;
    }
    if (presence !== 0 && ((presence === 1 ? flags : flags2) & mask) === 0) continue;
    const value = read === undefined ? true : read(bytes);
    if (value === false) continue;
    if (isColumn) columns[name] = value;
    else out[name] = value;
  }
}

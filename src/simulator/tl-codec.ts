import { TlError, TlReader } from './tl-reader.ts';
import type { TlDefinition, TlField } from './tl-schema.ts';
import { TlWriter } from './tl-writer.ts';

/**
 * A value on the wire. Longs are read as bigint and may be written as bigint, number or decimal string; 128 and 256 bit
 * integers and bytes are Buffers. A field whose flag is not set is absent.
 */
export type TlValue = undefined | null | boolean | number | bigint | string | Uint8Array | TlObject | readonly TlValue[];

/** An object of any constructor or method; `_` is its name in the schema. */
export interface TlObject {
  readonly _: string;
  readonly [field: string]: TlValue;
}

type Write = (writer: TlWriter, value: TlValue) => void;
type Read = (reader: TlReader, depth: number) => TlValue;

interface CompiledField {
  readonly name: string;
  readonly isFlags: boolean;
  readonly isTrue: boolean;
  readonly flag: TlField['flag'];
  readonly write: Write;
  readonly read: Read;
}

interface Compiled {
  readonly definition: TlDefinition;
  readonly fields: readonly CompiledField[];
}

const VECTOR_ID = 0x1cb5c415;
const TRUE_ID = 0x997275b5;
const FALSE_ID = 0xbc799737;
const MAX_DEPTH = 40;

function asLong(value: TlValue): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' || typeof value === 'string') return BigInt(value);
  throw new TypeError(`a long was expected, not ${typeof value}`);
}

function asNumber(value: TlValue): number {
  if (typeof value !== 'number') throw new TypeError(`a number was expected, not ${typeof value}`);
  return value;
}

function asBytes(value: TlValue): string | Uint8Array {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  throw new TypeError(`a string or bytes were expected, not ${typeof value}`);
}

function fixed(length: number): { write: Write; read: Read } {
  return {
    write: (writer, value) => {
      if (!(value instanceof Uint8Array) || value.length !== length) throw new TypeError(`${length} bytes were expected`);
      writer.raw(value);
    },
    read: (reader) => reader.raw(length),
  };
}

const PRIMITIVES: Readonly<Record<string, { write: Write; read: Read }>> = {
  int: { write: (writer, value) => writer.int(asNumber(value)), read: (reader) => reader.int() },
  long: { write: (writer, value) => writer.long(asLong(value)), read: (reader) => reader.long() },
  double: { write: (writer, value) => writer.double(asNumber(value)), read: (reader) => reader.double() },
  int128: fixed(16),
  int256: fixed(32),
  bytes: { write: (writer, value) => writer.bytes(asBytes(value)), read: (reader) => reader.bytes() },
  string: { write: (writer, value) => writer.bytes(asBytes(value)), read: (reader) => reader.bytes().toString('utf8') },
  true: { write: () => {}, read: () => true },
  Bool: {
    write: (writer, value) => writer.int(value === true ? TRUE_ID : FALSE_ID),
    read: (reader) => {
      const id = reader.unsigned();
      if (id !== TRUE_ID && id !== FALSE_ID) throw new TlError('neither true nor false', id);
      return id === TRUE_ID;
    },
  },
};

/**
 * Encodes and decodes objects of a schema. Strict both ways: what it is asked to write must fit the schema (TypeError),
 * what it reads must too ({@link TlError}); it keeps no state, so that no input can harm the next.
 */
export class TlCodec {
  readonly #byName = new Map<string, Compiled>();
  readonly #byId = new Map<number, Compiled>();

  constructor(definitions: readonly TlDefinition[]) {
    for (const definition of definitions) {
      const compiled = { definition, fields: definition.fields.map((field) => this.#compileField(field)) };
      this.#byName.set(definition.name, compiled);
      this.#byId.set(definition.id, compiled);
    }
  }

  /** @returns the definition with this number, or undefined */
  definition(id: number): TlDefinition | undefined {
    return this.#byId.get(id)?.definition;
  }

  /** @throws TypeError when the object does not fit the schema */
  encode(object: TlObject): Buffer {
    const writer = new TlWriter();
    this.write(writer, object);
    return writer.result();
  }

  /** A vector with its header, as a method answers it that returns one. `type` is that of its elements. */
  encodeVector(type: string, values: readonly TlValue[]): Buffer {
    const writer = new TlWriter();
    this.#compileType(`Vector<${type}>`).write(writer, values);
    return writer.result();
  }

  write(writer: TlWriter, object: TlObject, result?: string): void {
    const compiled = this.#byName.get(object._);
    if (compiled === undefined) throw new TypeError(`the schema has no ${object._}`);
    if (result !== undefined && compiled.definition.result !== result) {
      throw new TypeError(`${object._} is a ${compiled.definition.result}, not a ${result}`);
    }
    writer.int(compiled.definition.id);
    this.#writeFields(writer, compiled, object);
  }

  /** Reads one object and leaves what follows it. @throws TlError */
  decode(buffer: Buffer): TlObject {
    return this.read(new TlReader(buffer));
  }

  /** Reads one object where the reader stands. @throws TlError */
  read(reader: TlReader, depth = 0): TlObject {
    if (depth > MAX_DEPTH) throw new TlError('nested too deeply');
    const id = reader.unsigned();
    const compiled = this.#byId.get(id);
    if (compiled === undefined) throw new TlError(`constructor ${id.toString(16)} is unknown`, id);
    return this.#readFields(reader, compiled, depth);
  }

  #writeFields(writer: TlWriter, compiled: Compiled, object: TlObject): void {
    for (const field of compiled.fields) {
      const value = object[field.name];
      if (field.isFlags) {
        let bits = 0;
        for (const other of compiled.fields) {
          if (other.flag?.field !== field.name) continue;
          const set = other.isTrue ? object[other.name] === true : (object[other.name] ?? undefined) !== undefined;
          if (set) bits |= 1 << other.flag.bit;
        }
        writer.int(bits);
        continue;
      }
      if (field.flag !== null && (value === undefined || value === null)) continue;
      try {
        field.write(writer, value);
      } catch (error) {
        throw new TypeError(`${compiled.definition.name}.${field.name}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  #readFields(reader: TlReader, compiled: Compiled, depth: number): TlObject {
    const object: Record<string, TlValue> = { _: compiled.definition.name };
    const flags: Record<string, number> = {};
    for (const field of compiled.fields) {
      if (field.isFlags) {
        flags[field.name] = reader.int();
        continue;
      }
      if (field.flag !== null && ((flags[field.flag.field] ?? 0) & (1 << field.flag.bit)) === 0) continue;
      object[field.name] = field.read(reader, depth);
    }
    return object as TlObject;
  }

  #compileField(field: TlField): CompiledField {
    const isFlags = field.type === '#';
    const { write, read } = isFlags ? { write: () => {}, read: () => undefined } : this.#compileType(field.type);
    return { name: field.name, isFlags, isTrue: field.type === 'true', flag: field.flag, write, read };
  }

  #compileType(type: string): { write: Write; read: Read } {
    const primitive = PRIMITIVES[type];
    if (primitive !== undefined) return primitive;
    const vector = /^([vV])ector<(.+)>$/.exec(type);
    if (vector !== null) return this.#compileVector(vector[2] ?? '', vector[1] === 'V');
    if (type === '!X' || type === 'X' || type === 'Object') {
      return {
        write: (writer, value) => this.write(writer, value as TlObject),
        read: (reader, depth) => this.read(reader, depth + 1),
      };
    }
    const name = type.replace(/^%/, '');
    // A type in lower case after its namespace is one constructor, written without its number.
    if (/^[a-z]/.test(name.slice(name.lastIndexOf('.') + 1))) return this.#compileBare(name);
    return {
      write: (writer, value) => {
        if (typeof value !== 'object' || value === null || !('_' in value)) throw new TypeError(`a ${name} was expected`);
        this.write(writer, value as TlObject, name);
      },
      read: (reader, depth) => {
        const object = this.read(reader, depth + 1);
        const result = this.#byName.get(object._)?.definition.result;
        if (result !== name) throw new TlError(`${object._} is not a ${name}`);
        return object;
      },
    };
  }

  #compileBare(name: string): { write: Write; read: Read } {
    const find = (): Compiled => {
      const compiled = this.#byName.get(name);
      if (compiled === undefined) throw new TypeError(`the schema has no ${name}`);
      return compiled;
    };
    return {
      write: (writer, value) => this.#writeFields(writer, find(), value as TlObject),
      read: (reader, depth) => this.#readFields(reader, find(), depth + 1),
    };
  }

  #compileVector(type: string, boxed: boolean): { write: Write; read: Read } {
    const element = this.#compileType(type);
    return {
      write: (writer, value) => {
        if (!Array.isArray(value)) throw new TypeError('an array was expected');
        if (boxed) writer.int(VECTOR_ID);
        writer.int(value.length);
        for (const one of value) element.write(writer, one);
      },
      read: (reader, depth) => {
        if (depth > MAX_DEPTH) throw new TlError('nested too deeply');
        if (boxed && reader.unsigned() !== VECTOR_ID) throw new TlError('a vector was expected');
        const count = reader.count(4);
        const values: TlValue[] = [];
        for (let index = 0; index < count; index++) values.push(element.read(reader, depth + 1));
        return values;
      },
    };
  }
}

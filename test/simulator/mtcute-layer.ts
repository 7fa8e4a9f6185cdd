import { createRequire } from 'node:module';
import type { MtClientOptions } from '@mtcute/core';
import apiSchema from 'telegram/tl/apiTl.js';
import { parseTlSchema, type TlDefinition, type TlField } from '../../src/simulator/tl-schema.ts';

type ReaderMap = NonNullable<MtClientOptions['readerMap']>;
type WriterMap = NonNullable<MtClientOptions['writerMap']>;

/** What of mtcute's reader is used. */
interface MtcuteReader {
  uint(): number;
  int(): number;
  int53(): number;
  long(): unknown;
  double(): number;
  boolean(): boolean;
  int128(): Uint8Array;
  int256(): Uint8Array;
  bytes(): Uint8Array;
  string(): string;
  object(): unknown;
  vector(element: () => unknown): unknown[];
}

/** What of the schema that mtcute ships is looked at. */
interface MtcuteSchema {
  readonly e: readonly {
    readonly name: string;
    readonly arguments: readonly { readonly name: string; readonly type: string }[];
  }[];
}

/** How the numbers in the writers of mtcute's map show; its maps hold functions and say nothing else of themselves. */
const writesId = (writer: unknown, id: number): boolean => String(writer).includes(`w.uint(${id})`);

/** Fields that mtcute has as numbers though the schema has them as longs: ids of users, chats and channels. */
function smallLongs(): ReadonlySet<string> {
  const schema = createRequire(import.meta.url)('@mtcute/core/tl/api-schema.json') as MtcuteSchema;
  const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return new Set(
    schema.e.flatMap(({ name, arguments: fields }) =>
      fields.filter(({ type }) => type === 'int53').map((field) => `${name}.${camelCase(field.name)}`),
    ),
  );
}

function readValue(reader: MtcuteReader, type: string, isSmall: boolean): unknown {
  const vector = /^Vector<(.+)>$/.exec(type);
  if (vector !== null) return reader.vector(() => readValue(reader, vector[1] ?? '', isSmall));
  switch (type) {
    case '#':
      return reader.uint();
    case 'int':
      return reader.int();
    case 'long':
      return isSmall ? reader.int53() : reader.long();
    case 'double':
      return reader.double();
    case 'Bool':
      return reader.boolean();
    case 'int128':
      return reader.int128();
    case 'int256':
      return reader.int256();
    case 'bytes':
      return reader.bytes();
    case 'string':
      return reader.string();
    default:
      return reader.object();
  }
}

function readField(reader: MtcuteReader, { flag, type }: TlField, flags: Map<string, number>, isSmall: boolean): unknown {
  const isThere = flag === null || ((flags.get(flag.field) ?? 0) & (1 << flag.bit)) !== 0;
  if (type === 'true') return isThere;
  return isThere ? readValue(reader, type, isSmall) : undefined;
}

/** Reads a constructor of layer 198 into the object that mtcute has for it. */
function readerOf({ name, fields }: TlDefinition, small: ReadonlySet<string>): (reader: MtcuteReader) => unknown {
  return (reader) => {
    const object: Record<string, unknown> = { _: name };
    const flags = new Map<string, number>();
    for (const field of fields) {
      const value = readField(reader, field, flags, small.has(`${name}.${field.name}`));
      if (field.type === '#') flags.set(field.name, value as number);
      else object[field.name] = value;
    }
    return object;
  };
}

/** mtcute's maps with layer 198 in them. */
export interface LayerMaps {
  readonly readerMap: ReaderMap;
  readonly writerMap: WriterMap;
  /** Constructors that are read from layer 198's text, as mtcute's own layer has others of these names. */
  readonly replaced: readonly string[];
  /** Methods that mtcute has with another number, or not at all: it cannot call them. */
  readonly missing: readonly string[];
}

/**
 * mtcute's own reading and writing wherever its layer agrees with layer 198, which is most of it; what else a server of layer 198 sends is read
 * by the schema's text, and methods that have another number are taken away, so that no call of mtcute's layer goes out by mistake.
 */
export function layer198(own: { readonly readerMap: ReaderMap; readonly writerMap: WriterMap }): LayerMaps {
  const readerMap: ReaderMap = { ...own.readerMap };
  const writerMap: WriterMap = { ...own.writerMap };
  const small = smallLongs();
  const definitions = parseTlSchema(apiSchema).filter(({ name }) => !['boolTrue', 'boolFalse', 'true', 'null'].includes(name));
  const replaced = definitions.filter(({ isMethod, id }) => !isMethod && !(id in own.readerMap));
  for (const definition of replaced) readerMap[definition.id] = readerOf(definition, small);
  const missing = definitions.filter(({ isMethod, name, id }) => isMethod && !writesId(own.writerMap[name], id));
  for (const { name } of missing) delete writerMap[name];
  const names = (of: readonly TlDefinition[]): string[] => of.map(({ name }) => name);
  return { readerMap, writerMap, replaced: names(replaced), missing: names(missing) };
}

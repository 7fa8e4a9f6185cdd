import { BinaryReader } from 'telegram/extensions/BinaryReader.js';
import { tlobjects } from 'telegram/tl/AllTLObjects.js';
import type { Api } from 'telegram/tl/index.js';
import { toHistoryPage } from '../convert.ts';
import { KNOWN_HISTORY } from './known-history.ts';
import { expectAnswer, type SpeedPart } from './speed-part.ts';
import { type TlField, TlSchema } from './tl-schema.ts';

/** GramJS's reader, as far as it is used and replaced here. */
export interface ObjectReader {
  readonly stream: Buffer;
  offset: number;
  readInt(): number;
  readLong(): unknown;
  readLargeInt(bits: number): unknown;
  readDouble(): number;
  tgReadString(): string;
  tgReadBytes(): Buffer;
  tgReadBool(): boolean;
  tgReadObject(): unknown;
}

type ReadObject = (this: ObjectReader) => unknown;
type Args = Record<string, unknown>;

/** What to do for one field of a constructor. */
type Step = (reader: ObjectReader, args: Args) => void;

interface Plan {
  readonly Class: new (args: Args) => unknown;
  readonly steps: readonly Step[];
}

const ID_BYTES = 4;

/**
 * Reads objects by plans made once for each constructor, instead of going through the schema's description again for each object.
 * Unlike GramJS's own way, a vector that cannot be read does not change how that class is read from then on: GramJS marks the
 * field while it reads, and an error leaves the mark.
 * @param original GramJS's own, for whatever is no constructor of the API: vectors, truth values, MTProto's own objects, the unknown
 */
export function fastReadObject(original: ReadObject): ReadObject {
  const schema = new TlSchema();
  const plans = new Map<number, Plan | undefined>();
  return function (this: ObjectReader) {
    const { stream, offset } = this;
    if (offset + ID_BYTES > stream.length) return original.call(this);
    const id = stream.readUInt32LE(offset);
    let plan = plans.get(id);
    if (plan === undefined) {
      if (!plans.has(id)) {
        plan = newPlan(schema, id);
        plans.set(id, plan);
      }
      if (plan === undefined) return original.call(this);
    }
    this.offset = offset + ID_BYTES;
    const args: Args = {};
    for (const step of plan.steps) step(this, args);
    return new plan.Class(args);
  };
}

/** @returns undefined where GramJS has no class of the schema's name for the number */
function newPlan(schema: TlSchema, id: number): Plan | undefined {
  const found = schema.find(id);
  const Class = (tlobjects as Record<number, (Plan['Class'] & { readonly className: string }) | undefined>)[id];
  if (found === undefined || Class?.className !== found.name) return undefined;
  return { Class, steps: found.fields.map(stepOf) };
}

function stepOf(field: TlField): Step {
  const { name } = field;
  if (field.flagIndicator) {
    return (reader, args) => {
      args[name] = reader.readInt();
    };
  }
  const read = fieldReader(field);
  if (!field.isFlag) {
    return (reader, args) => {
      args[name] = read(reader);
    };
  }
  const flags = String(field.flagName);
  const mask = 1 << field.flagIndex;
  if (field.type === 'true') {
    return (_, args) => {
      args[name] = ((args[flags] as number) & mask) !== 0;
    };
  }
  return (reader, args) => {
    args[name] = ((args[flags] as number) & mask) !== 0 ? read(reader) : null;
  };
}

function fieldReader({ type, isVector, useVectorId }: TlField): (reader: ObjectReader) => unknown {
  const one = singleReader(type);
  if (!isVector) return one;
  return (reader) => {
    if (useVectorId) reader.readInt();
    const values: unknown[] = [];
    const count = reader.readInt();
    for (let index = 0; index < count; index++) values.push(one(reader));
    return values;
  };
}

function singleReader(type: string | null): (reader: ObjectReader) => unknown {
  switch (type) {
    case 'int':
      return (reader) => reader.readInt();
    case 'long':
      return (reader) => reader.readLong();
    case 'int128':
      return (reader) => reader.readLargeInt(128);
    case 'int256':
      return (reader) => reader.readLargeInt(256);
    case 'double':
      return (reader) => reader.readDouble();
    case 'string':
      return (reader) => reader.tgReadString();
    case 'Bool':
      return (reader) => reader.tgReadBool();
    case 'true':
      return () => true;
    case 'bytes':
      return (reader) => reader.tgReadBytes();
    default:
      return (reader) => reader.tgReadObject();
  }
}

/** Reading of objects. @param target the prototype that has the method */
export function objectsPart(target: ObjectReader = BinaryReader.prototype as unknown as ObjectReader): SpeedPart {
  const original = target.tgReadObject as ReadObject;
  const ours = fastReadObject(original);
  return {
    name: 'objects',
    check() {
      for (const { answerHex, pageJson } of KNOWN_HISTORY) {
        for (const [who, read] of [['GramJS', original] as const, ['ours', ours] as const]) {
          const reader = new BinaryReader(Buffer.from(answerHex, 'hex')) as unknown as ObjectReader;
          const page = toHistoryPage(read.call(reader) as Api.messages.TypeMessages);
          expectAnswer(
            who,
            'a known page of history',
            `${JSON.stringify(page)} @${reader.offset}`,
            `${pageJson} @${answerHex.length / 2}`,
          );
        }
      }
    },
    install() {
      target.tgReadObject = ours;
    },
  };
}

import schema from 'telegram/tl/apiTl.js';
import { CORE_TYPES, fromLine } from 'telegram/tl/generationHelpers.js';

/** One field of a constructor, as GramJS understands the schema. */
export interface TlField {
  /** In camelCase. */
  readonly name: string;
  /** `int`, `string`, `Peer` … of one element where it is a vector; null of a field of flags. */
  readonly type: string | null;
  readonly isVector: boolean;
  /** Whether the vector's own number comes before its length. */
  readonly useVectorId: boolean | null;
  /** Whether a bit of another field says if it is there. */
  readonly isFlag: boolean;
  readonly flagName: string | null;
  readonly flagIndex: number;
  /** Whether it is itself a field of flags. */
  readonly flagIndicator: boolean;
}

/** A constructor of the schema. */
export interface TlConstructor {
  /** As GramJS names the class: `messages.ChannelMessages`. */
  readonly name: string;
  readonly fields: readonly TlField[];
}

interface ParsedLine {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly argsConfig: Readonly<Record<string, Omit<TlField, 'name'>>>;
}

/** `vector {t:Type} # [ t ] = Vector t`: stands in the schema, and is no constructor that a line tells of. */
const VECTOR = 0x1cb5c415;

/** The constructors of the API by their numbers; a line of the schema is parsed when its constructor is first met. */
export class TlSchema {
  readonly #lines = new Map<number, string>();

  constructor(text: string = schema) {
    const end = text.indexOf('---functions---');
    for (const [line, id] of text.slice(0, end === -1 ? undefined : end).matchAll(/^[\w.]+#([0-9a-f]+) .*;$/gm)) {
      const number = Number.parseInt(id ?? '', 16);
      // Truth values, vectors and the like: GramJS makes no classes of them.
      if (!CORE_TYPES.has(number) && number !== VECTOR) this.#lines.set(number, line);
    }
  }

  /** @returns undefined for a number that the schema does not know */
  find(id: number): TlConstructor | undefined {
    const line = this.#lines.get(id);
    if (line === undefined) return undefined;
    const { name, namespace, argsConfig } = fromLine(line, false) as ParsedLine;
    return {
      name: namespace === undefined ? name : `${namespace}.${name}`,
      fields: Object.entries(argsConfig).map(([field, config]) => ({ ...config, name: field })),
    };
  }
}

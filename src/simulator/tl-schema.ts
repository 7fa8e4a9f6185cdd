/** One field of a constructor or method, as the schema writes it. */
export interface TlField {
  /** In camelCase: `access_hash` is `accessHash`. */
  readonly name: string;
  /** `int`, `long`, `Vector<int>`, `InputPeer`, `!X` … without its flag. */
  readonly type: string;
  /** The bit that says whether the field is there, and the field that carries it. */
  readonly flag: { readonly field: string; readonly bit: number } | null;
}

/** One line of a schema (https://core.telegram.org/mtproto/TL-formal). */
export interface TlDefinition {
  /** `messages.channelMessages`. */
  readonly name: string;
  /** The constructor's number, unsigned. */
  readonly id: number;
  readonly fields: readonly TlField[];
  /** The type it belongs to, or for a method what it answers. */
  readonly result: string;
  readonly isMethod: boolean;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function parseField(text: string): TlField {
  const colon = text.indexOf(':');
  const name = camelCase(text.slice(0, colon));
  const declared = text.slice(colon + 1);
  const conditional = /^(flags\d*)\.(\d+)\?(.+)$/.exec(declared);
  if (conditional === null) return { name, type: declared, flag: null };
  return { name, type: conditional[3] ?? '', flag: { field: conditional[1] ?? '', bit: Number(conditional[2]) } };
}

/**
 * Reads a schema text. Lines without a constructor number, and the generic vector, are left out: the codec knows them by itself.
 * @returns the definitions in the text's order
 */
export function parseTlSchema(text: string): TlDefinition[] {
  const definitions: TlDefinition[] = [];
  let isMethod = false;
  for (const line of text.split('\n')) {
    const statement = line.replace(/\/\/.*$/, '').trim();
    const section = /^---(\w+)---$/.exec(statement);
    if (section !== null) isMethod = section[1] === 'functions';
    const match = /^([\w.]+)#([0-9a-f]+)\s(.*)=\s*([\w.<>]+);$/i.exec(statement);
    if (match === null || statement.includes('[')) continue;
    const words = (match[3] ?? '').split(/\s+/).filter((word) => word !== '' && !word.startsWith('{'));
    definitions.push({
      name: match[1] ?? '',
      id: Number.parseInt(match[2] ?? '', 16),
      fields: words.map(parseField),
      result: match[4] ?? '',
      isMethod,
    });
  }
  return definitions;
}

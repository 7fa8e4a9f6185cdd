import type { Json, JsonObject } from '../../ports.ts';

/** Schemas that have a name of their own in the document. */
export class SchemaLibrary {
  readonly #names: ReadonlyMap<string, string>;
  readonly #components = new Map<string, JsonObject>();

  /** @param named schemas by their names: wherever one of these stands, its name stands instead */
  constructor(named: Readonly<Record<string, object>>) {
    this.#names = new Map(Object.entries(named).map(([name, schema]) => [JSON.stringify(schema), name]));
  }

  /** Those that were used, by name. */
  get components(): JsonObject {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** @returns a TypeBox schema as OpenAPI has it: JSON Schema 2020-12 whose references point into the document */
  use(schema: object): JsonObject {
    return this.#converted(JSON.parse(JSON.stringify(schema)) as JsonObject);
  }

  /** @returns the same of what a request has: what has a default need not be there */
  useRequest(schema: object): JsonObject {
    const { required, ...rest } = this.use(schema);
    const properties = (rest.properties ?? {}) as Record<string, JsonObject>;
    const needed = Array.isArray(required) ? required.filter((name) => properties[String(name)]?.default === undefined) : [];
    return { ...rest, ...(needed.length > 0 && { required: needed }) };
  }

  #converted(schema: JsonObject): JsonObject {
    const name = this.#names.get(JSON.stringify(schema));
    if (name === undefined) return this.#parts(schema);
    if (!this.#components.has(name)) {
      // Before its parts, which may be of its kind again.
      this.#components.set(name, {});
      this.#components.set(name, this.#parts(schema));
    }
    return { $ref: pointerTo(name) };
  }

  #parts({ $defs, $id, $ref, ...rest }: JsonObject): JsonObject {
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonObject>)) {
      if (!this.#components.has(name)) {
        this.#components.set(name, {});
        this.#components.set(name, this.#parts(definition));
      }
    }
    const parts = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, this.#value(key, value)]));
    const isOpen =
      rest.type === 'object' && Object.keys(rest.properties ?? {}).length === 0 && rest.patternProperties === undefined;
    const isText = Array.isArray(rest.enum) && rest.type === undefined && rest.enum.every((one) => typeof one === 'string');
    return {
      ...(typeof $ref === 'string' && { $ref: pointerTo($ref) }),
      ...(isText && { type: 'string' }),
      ...parts,
      ...(isOpen && rest.additionalProperties === undefined && { additionalProperties: true }),
    };
  }

  #value(key: string, value: Json): Json {
    if (['enum', 'const', 'default', 'examples', 'required'].includes(key)) return value;
    if (Array.isArray(value)) return value.map((one) => (isObject(one) ? this.#converted(one) : one));
    if (!isObject(value)) return value;
    if (key !== 'properties' && key !== 'patternProperties') return this.#converted(value);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, isObject(one) ? this.#converted(one) : one]));
  }
}

function pointerTo(name: string): string {
  return `#/components/schemas/${name}`;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

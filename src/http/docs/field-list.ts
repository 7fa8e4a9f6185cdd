import type { Json, JsonObject } from '../../ports.ts';
import { type Html, html, marked } from './html.ts';
import { isObject } from './json-schema.ts';

/** One field as the page tells of it. */
interface Field {
  /** With what it lies in, as `messages[].id`. */
  readonly name: string;
  readonly schema: JsonObject;
  readonly required: boolean;
  readonly description?: Json | undefined;
}

/** How deep fields within fields are told: nothing of ours is deeper, but for what holds its own kind. */
const DEEPEST = 6;

/** @returns the fields of a request, each with what it may be */
export function requestFields(fields: readonly Field[]): Html {
  return html`<dl>${fields.map((field) => fieldOf(field, field.required && html`<span class="must">required</span>`))}</dl>`;
}

/** @returns the fields of an answer with those that lie in them; undefined where it has none */
export function answerFields(schema: JsonObject, document: JsonObject): Html | undefined {
  const fields = fieldsOf(schema, document, '', []);
  if (fields.length === 0) return undefined;
  return html`<dl class="answer">${fields.map((field) => fieldOf(field, !field.required && html`<span>may be absent</span>`))}</dl>`;
}

/** @returns the fields of a body, with those that lie in them */
export function bodyFields(schema: JsonObject, document: JsonObject): Field[] {
  return fieldsOf(schema, document, '', []);
}

/** @returns the names of an answer's fields, with what is said of them */
export function answerWords(schema: JsonObject, document: JsonObject): string[] {
  return fieldsOf(schema, document, '', []).flatMap(({ name, schema: { description } }) => [name, String(description ?? '')]);
}

/** The properties of an object, as its fields. */
function fieldsIn({ properties, required }: JsonObject): Field[] {
  const needed = Array.isArray(required) ? required : [];
  return Object.entries(isObject(properties) ? properties : {}).flatMap(([name, schema]) =>
    isObject(schema) ? [{ name, schema, required: needed.includes(name), description: schema.description }] : [],
  );
}

/** What a reference of the document stands for; what is none, as it is. */
function resolved(schema: JsonObject, document: JsonObject): JsonObject {
  if (typeof schema.$ref !== 'string') return schema;
  let at: Json = document;
  for (const part of schema.$ref.slice(2).split('/')) at = isObject(at) ? (at[part] ?? {}) : {};
  return isObject(at) ? at : {};
}

/** @param within names of the schemas that it lies in: one of its own kind is not told again */
function fieldsOf(schema: JsonObject, document: JsonObject, prefix: string, within: readonly string[]): Field[] {
  const name = typeof schema.$ref === 'string' ? schema.$ref : undefined;
  if ((name !== undefined && within.includes(name)) || within.length > DEEPEST) return [];
  const inside = name === undefined ? within : [...within, name];
  const object = resolved(schema, document);
  if (Array.isArray(object.anyOf))
    return object.anyOf.filter(isObject).flatMap((branch) => fieldsOf(branch, document, prefix, inside));
  if (isObject(object.items)) return fieldsOf(object.items, document, `${prefix}[]`, inside);
  return fieldsIn(object).flatMap((field) => {
    const path = prefix === '' ? field.name : `${prefix}.${field.name}`;
    return [{ ...field, name: path, description: describedBy(field.schema) }, ...fieldsOf(field.schema, document, path, inside)];
  });
}

/** What a field says of itself, or the one thing says that it may be beside null. */
function describedBy({ description, anyOf }: JsonObject): Json | undefined {
  if (description !== undefined || !Array.isArray(anyOf)) return description;
  return anyOf.filter(isObject).find((branch) => branch.description !== undefined)?.description;
}

function fieldOf({ name, schema, description }: Field, mark: Html | false): Html {
  const hint = [kindOf(schema), boundsOf(schema)].filter((part) => part !== '').join(', ');
  const byDefault =
    schema.default === undefined ? undefined : html`<span>default <code>${JSON.stringify(schema.default)}</code></span>`;
  const text = typeof description === 'string' ? description : undefined;
  return html`<div><dt><code>${name}</code><span>${hint}</span>${mark}${byDefault}</dt>${text !== undefined && html`<dd>${marked(text)}</dd>`}</div>`;
}

function kindOf({ type, anyOf, enum: choices, const: only, items, format, $ref }: JsonObject): string {
  if (Array.isArray(choices)) return choices.join(' | ');
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(anyOf)) return anyOf.filter(isObject).map(kindOf).join(' or ');
  if (typeof $ref === 'string') return $ref.split('/').at(-1) ?? '';
  if (type === 'array') return `list of ${isObject(items) ? kindOf(items) : 'anything'}`;
  if (format === 'date-time') return 'time (ISO 8601)';
  const known: Readonly<Record<string, string>> = { integer: 'whole number', string: 'text', boolean: 'true or false' };
  return known[String(type)] ?? String(type ?? 'anything');
}

function boundsOf({ minimum, maximum, minLength, maxLength, type, 'x-words': words }: JsonObject): string {
  if (typeof words === 'string') return words;
  // The least there is says nothing to anybody.
  if (minimum === -Number.MAX_SAFE_INTEGER) return `at most ${maximum}`;
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `from ${minimum}`;
  if (type === 'string' && maxLength !== undefined) return `${minLength ?? 0} to ${maxLength} characters`;
  return '';
}

import { VigiliaError } from '../errors.ts';

/** What TypeBox finds wrong; it stops at the eighth fault, so that nobody can make it look for more. */
export interface SchemaFault {
  readonly keyword: string;
  readonly instancePath: string;
  /** Where in the schema, as a JSON pointer with `#` before it. */
  readonly schemaPath: string;
  readonly message: string;
  readonly params: object;
}

/** One field of a request, and what is wrong with it. */
interface FieldFault {
  readonly field: string;
  readonly reason: string;
}

/** Faults of different fields that an answer names. */
const MOST_NAMED = 8;

const PARTS: Readonly<Record<string, string>> = { body: 'body', querystring: 'query', params: 'path' };
const TYPES: Readonly<Record<string, string>> = {
  object: 'a JSON object',
  array: 'a list',
  string: 'a string',
  integer: 'a whole number',
  boolean: 'true or false',
};

/**
 * Says all that is wrong with a request: fields that do not exist, then those that are missing, then the others. What the fields hold is repeated nowhere.
 * @param part of the request, as Fastify calls it
 * @returns INVALID_REQUEST with the first of them as its `field`
 */
export function refusalOf(faults: readonly SchemaFault[], schema: object, part: string): VigiliaError {
  const where = PARTS[part] ?? part;
  const all = [...unknownFields(faults, where), ...missingFields(faults), ...wrongFields(faults, schema)];
  const fields = all.filter(({ field }, at) => all.findIndex((other) => other.field === field) === at).slice(0, MOST_NAMED);
  const first = fields.find(({ field }) => field !== '');
  if (first === undefined) return new VigiliaError('INVALID_REQUEST', `The ${where} ${fields[0]?.reason ?? 'does not fit'}.`);
  const told = fields.map(({ field, reason }) => (field === '' ? `the ${where} ${reason}` : `${field}: ${reason}`));
  return new VigiliaError('INVALID_REQUEST', `${told.join('; ')}.`, { field: first.field });
}

function unknownFields(faults: readonly SchemaFault[], where: string): FieldFault[] {
  return faults.flatMap(({ keyword, schemaPath, instancePath, params }) => {
    const reason = `there is no such field in the ${where}`;
    // Each has a fault of its own, and all together another one, unless there are too many.
    if (isOfUnknownField(keyword, schemaPath)) return [{ field: dotted(instancePath), reason }];
    if (keyword !== 'additionalProperties') return [];
    const { additionalProperties = [] } = params as { additionalProperties?: readonly string[] };
    return additionalProperties.map((name) => ({ field: dotted(instancePath, name), reason }));
  });
}

function missingFields(faults: readonly SchemaFault[]): FieldFault[] {
  return faults.flatMap(({ keyword, instancePath, params }) => {
    const { requiredProperties = [] } = params as { requiredProperties?: readonly string[] };
    return keyword === 'required'
      ? requiredProperties.map((name) => ({ field: dotted(instancePath, name), reason: 'is missing' }))
      : [];
  });
}

function wrongFields(faults: readonly SchemaFault[], schema: object): FieldFault[] {
  const others = faults.filter(
    ({ keyword, schemaPath }) =>
      !['additionalProperties', 'required', 'anyOf'].includes(keyword) && !isOfUnknownField(keyword, schemaPath),
  );
  return others.map(({ instancePath }) => {
    // Of a choice, each branch says why it is not that one.
    const own = others.filter((other) => other.instancePath === instancePath);
    const reasons = own.map((fault) => reasonOf(fault, schemaAt(schema, fault.schemaPath)));
    return { field: dotted(instancePath), reason: [...new Set(reasons)].join(', or ') };
  });
}

function isOfUnknownField(keyword: string, schemaPath: string): boolean {
  return keyword === 'boolean' && schemaPath.endsWith('/additionalProperties');
}

/** What a field's schema says of itself, where that is more than the one fault. */
interface FieldSchema {
  readonly 'x-words'?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

function reasonOf({ keyword, message, params }: SchemaFault, schema: FieldSchema): string {
  const { type, allowedValues } = params as { type?: string; allowedValues?: readonly unknown[] };
  const { minimum, maximum, minLength = 0, maxLength, maxItems } = schema;
  switch (keyword) {
    case 'type':
      return type === undefined ? message : `must be ${TYPES[type] ?? type}`;
    case 'enum':
      return allowedValues === undefined ? message : `must be one of ${allowedValues.join(', ')}`;
    case 'pattern':
      return schema['x-words'] === undefined ? message : `must be ${schema['x-words']}`;
    case 'minimum':
    case 'maximum':
      return boundsOf(minimum, maximum) ?? message;
    case 'minLength':
      if (minLength === 1) return 'must not be empty';
      return `must have at least ${minLength} characters`;
    case 'maxLength':
      return `must have at most ${maxLength} characters`;
    case 'maxItems':
      return `must have at most ${maxItems} items`;
    default:
      return message;
  }
}

function boundsOf(minimum: number | undefined, maximum: number | undefined): string | undefined {
  const least = minimum === -Number.MAX_SAFE_INTEGER ? undefined : minimum;
  if (least !== undefined && maximum !== undefined) return `must be from ${least} to ${maximum}`;
  if (least !== undefined) return `must be at least ${least}`;
  return maximum === undefined ? undefined : `must be at most ${maximum}`;
}

function schemaAt(schema: object, path: string): FieldSchema {
  let at: unknown = schema;
  for (const part of partsOf(path)) at = (at as Record<string, unknown> | undefined)?.[part];
  return (at as FieldSchema | undefined) ?? {};
}

/** A JSON pointer, and a name under it, as a dotted path; one that is longer than any of ours is cut. */
function dotted(pointer: string, name = ''): string {
  const whole = [...partsOf(pointer), name].filter((part) => part !== '').join('.');
  return whole.length > 64 ? `${whole.slice(0, 64)}…` : whole;
}

function partsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

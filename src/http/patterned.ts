import type { TSchemaOptions } from 'typebox';
import { Type } from './typebox.ts';

/**
 * A text that a regular expression describes to programs, and words to people.
 * @param words after "must be": what stands in errors and on the page of the documentation in place of the expression
 */
export function patterned(pattern: string, words: string, options: TSchemaOptions & { readonly maxLength?: number } = {}) {
  return Type.String({ pattern, 'x-words': words, ...options });
}

/** @returns the schema of what people here give names to: accounts, jobs */
export function nameSchema(description: string) {
  return patterned('^[A-Za-z0-9_-]{1,64}$', '1 to 64 letters (A to Z), digits, _ and -', { description });
}

/** @returns the schema of an actor's path */
export function actorPathSchema(description: string, example: string) {
  return patterned('^root(/[^/]{1,128}){0,16}$', `a path of GET /api/state, as ${example}`, {
    maxLength: 512,
    description,
    examples: [example],
  });
}

/** @returns the schema of a process's id */
export function processIdSchema(description: string) {
  return patterned('^[A-Za-z0-9-]{1,64}$', 'an id of GET /api/processes', { description });
}

/** A command was given words that mean nothing to it. */
export class UsageError extends Error {}

/** @throws UsageError when there are any */
export function takesNothing(command: string, rest: readonly string[]): void {
  if (rest.length > 0) throw new UsageError(`${command} takes no arguments, so ${rest.join(' ')} means nothing to it`);
}

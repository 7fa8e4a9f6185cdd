import { reasonBehind, type VigiliaError } from '../errors.ts';

/** The innermost reason, for people: it says what to do. */
export function reasonOf(error: VigiliaError): string {
  const reason = reasonBehind(error);
  return `${reason.message} [${reason.code}]`;
}

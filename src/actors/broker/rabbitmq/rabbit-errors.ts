import { VigiliaError } from '../../../errors.ts';

/** AMQP 0-9-1's reply codes that mean something here (https://www.rabbitmq.com/amqp-0-9-1-reference#constants). */
export const REPLY = { accessRefused: 403, notFound: 404, locked: 405, preconditionFailed: 406 } as const;

/** @returns the AMQP reply code that closed a channel or connection; undefined where it was something else */
export function replyCode(thrown: unknown): number | undefined {
  const code = (thrown as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
}

/** RabbitMQ is not there, or did not do it. */
export function unavailable(reason: string, cause?: unknown): VigiliaError {
  return new VigiliaError('BROKER_UNAVAILABLE', `RabbitMQ: ${reason}`, { cause });
}

/** RabbitMQ is there, and will not do it until a person changes something. */
export function refused(reason: string): VigiliaError {
  return new VigiliaError('BROKER_REFUSED', `RabbitMQ: ${reason}`);
}

/**
 * What amqplib throws, by its words alone: it hangs frames on some of its errors.
 * @returns BROKER_REFUSED where permissions are missing, else BROKER_UNAVAILABLE
 */
export function translated(thrown: unknown): VigiliaError {
  if (thrown instanceof VigiliaError) return thrown;
  return replyCode(thrown) === REPLY.accessRefused ? refused(wordsOf(thrown)) : unavailable(wordsOf(thrown));
}

/** What went wrong while a connection was opened. @param vhost as the URL names it */
export function translatedOpening(thrown: unknown, vhost: string): VigiliaError {
  if (thrown instanceof VigiliaError) return thrown;
  const words = wordsOf(thrown);
  if (words.includes('ACCESS-REFUSED') || words.includes('ACCESS_REFUSED'))
    return refused('the user or the password of RABBITMQ_URL is not accepted');
  // amqplib keeps the reason to itself when the server ends the handshake at its last step, which is that of the virtual host.
  if (/ConnectionOpenOk.*ConnectionClose/.test(words))
    return refused(
      `the virtual host ${JSON.stringify(vhost)} of RABBITMQ_URL is not to be had: there is none of this name, the user may not use it, or it is full`,
    );
  return unavailable(words);
}

/** Where a name has several addresses, Node's error has no words of its own. */
function wordsOf(thrown: unknown): string {
  const { message, errors, code } = thrown as { readonly message?: string; readonly errors?: unknown; readonly code?: unknown };
  if (message) return message;
  if (Array.isArray(errors) && errors.length > 0) return wordsOf(errors[0]);
  return String(code ?? thrown);
}

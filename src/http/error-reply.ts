import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyReply, FastifyRequest } from 'fastify';
import { causeChain, ERRORS, type ErrorCode, toVigiliaError, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { App } from './app.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';
import { sentence } from './sentence.ts';

/** The body of every answer that is an error. */
interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    /** The request's field that is at fault, as a dotted path. */
    readonly field?: string;
  };
}

/** Fastify's own errors in our codes. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'INVALID_JSON',
  FST_ERR_CTP_INVALID_JSON_BODY: 'INVALID_JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'INVALID_REQUEST',
  FST_ERR_BAD_URL: 'INVALID_REQUEST',
  FST_ERR_MAX_PARAM_LENGTH: 'INVALID_REQUEST',
  FST_ERR_VALIDATION: 'INVALID_REQUEST',
};

/** Node's refusals before there is a request (https://nodejs.org/api/http.html#event-clienterror). */
const SOCKET_CODES: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
};

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** Answers whatever a handler or hook throws, and every path that is not there. */
export function answerErrors(app: App, log: Log): void {
  app.setErrorHandler((thrown, request, reply) => replyError(thrown, request, reply, log));
  app.setNotFoundHandler((request, reply) =>
    replyError(new VigiliaError('NOT_FOUND', 'There is no such path; GET / lists the ones there are.'), request, reply, log),
  );
}

/**
 * One error as an answer: the status of its code, `Retry-After` where waiting helps. From 500 on only the table's sentence is told:
 * the error's own text may quote a statement or an address. The log has it under the request's id.
 */
export function replyError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const error = translated(thrown);
  const { status, meaning } = ERRORS[error.code];
  if (status >= 500) {
    const fields = { requestId: request.id, error: error.code, causes: causeChain(thrown) };
    if (error.fault === 'bug')
      log.error({ ...fields, stack: thrown instanceof Error ? thrown.stack : undefined }, 'request failed');
    else log.warn(fields, 'request failed');
  }
  const body: ErrorBody = {
    error: {
      code: error.code,
      message: status >= 500 ? meaning : sentence(error.message),
      ...(error.field !== undefined && status < 500 && { field: error.field }),
    },
  };
  reply.code(status).type('application/json; charset=utf-8').header(REQUEST_ID_HEADER, request.id);
  const waitMs = error.retryAfterMs ?? (status === 503 ? 5_000 : undefined);
  if (waitMs !== undefined && (status === 503 || status === 429))
    reply.header('retry-after', String(Math.max(1, Math.ceil(waitMs / 1000))));
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.send(body);
}

/** Answers what is no HTTP request, or never became one, on the bare socket. */
export function answerOnSocket(error: ConnectionError, socket: Socket): void {
  if (socket.writable) {
    const code = SOCKET_CODES[error.code] ?? 'INVALID_REQUEST';
    const { status, meaning } = ERRORS[code];
    const message = code === 'INVALID_REQUEST' ? 'This is not an HTTP request.' : meaning;
    const body = JSON.stringify({ error: { code, message } } satisfies ErrorBody);
    const head = [
      `HTTP/1.1 ${status} ${PHRASES[status] ?? ''}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `${REQUEST_ID_HEADER}: ${randomUUID()}`,
      'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  } else {
    socket.destroy();
  }
}

function translated(thrown: unknown): VigiliaError {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  const ours = typeof code === 'string' && Object.hasOwn(FASTIFY_CODES, code) ? FASTIFY_CODES[code] : undefined;
  if (thrown instanceof VigiliaError || ours === undefined) return toVigiliaError(thrown);
  return new VigiliaError(ours, code === 'FST_ERR_BAD_URL' ? 'The path is not well encoded.' : ERRORS[ours].meaning);
}

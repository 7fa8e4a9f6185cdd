import { sessionToken } from './session-token.ts';

/** Where the API is: beside the page, wherever a proxy puts both. */
export const API = 'api/telegram-gateway';

/** How long an answer is waited for, in ms: longer than any of the server's own deadlines. */
const DEADLINE_MS = 15_000;

/** What the server said instead of an answer, or that it said nothing. */
export class ApiError extends Error {
  /** HTTP's; 0 where there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;

  constructor(status: number, code: string, message: string, field?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

/** Told of each answer: what of it concerns the whole page. */
type Listener = (about: { readonly reached: boolean; readonly unauthorized: boolean }) => void;
let listener: Listener = () => {};

/** Has every answer told of, and every failure to get one. */
export function onAnswers(told: Listener): void {
  listener = told;
}

interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Statuses beside 2xx whose body is an answer. */
  readonly alsoFine?: readonly number[];
}

/** @returns the headers that a request needs; the token travels here and never in a URL */
export function requestHeaders(): Record<string, string> {
  const token = sessionToken();
  return token === '' ? {} : { 'x-gateway-token': token };
}

/**
 * Asks the gateway.
 * @param path relative to the page, e.g. `health`
 * @throws ApiError with the server's code, or UNREACHABLE
 */
export async function ask<T>(path: string, { method = 'GET', body, signal, alsoFine = [] }: Ask = {}): Promise<T> {
  const response = await request(path, { method, body, signal });
  const text = await response.text();
  const json = (response.headers.get('content-type') ?? '').startsWith('application/json');
  const content: unknown = json && text !== '' ? JSON.parse(text) : text || undefined;
  if (response.ok || alsoFine.includes(response.status)) return content as T;
  const error = (content as { error?: { code?: string; message?: string; field?: string } } | undefined)?.error;
  throw new ApiError(
    response.status,
    error?.code ?? `HTTP_${response.status}`,
    error?.message ?? response.statusText,
    error?.field,
  );
}

async function request(
  path: string,
  { method, body, signal }: { readonly method: string; readonly body: unknown; readonly signal: AbortSignal | undefined },
): Promise<Response> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(path, {
      method,
      headers: {
        ...requestHeaders(),
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      cache: 'no-store',
      redirect: 'error',
    });
    listener({ reached: true, unauthorized: response.status === 401 });
    return response;
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    listener({ reached: false, unauthorized: false });
    throw new ApiError(0, 'UNREACHABLE', String((thrown as Error).message));
  }
}

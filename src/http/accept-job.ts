import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { VigiliaError } from '../errors.ts';
import type { JobRequest, RequestKey, SubmitOptions, Submitted } from '../ports.ts';
import { withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';

/** How long a request may wait for the database in all, in ms. */
const ACCEPT_MS = 2_000;

/** What an answer to a request that became a job, now or before, has for a body. */
interface Accepted {
  readonly jobId: string;
  readonly status: 'queued';
  readonly pollUrl: string;
}

/** Errors of the routes whose requests become jobs. */
export const ACCEPT_ERRORS = ['UNKNOWN_ACCOUNT', 'IDEMPOTENCY_KEY_REUSED', 'STORE_UNAVAILABLE'] as const;

/** Visible ASCII, so that every client and proxy sends the same bytes; the draft's quoted strings are such. */
const KEY = /^[!-~]{1,255}$/;

/** One request on its way to becoming a job. */
export interface Acceptance {
  /** Answers a request that is sent again under its key (header `Idempotency-Key`) as the first time. @returns undefined where this is the first */
  replay(): Promise<Accepted | undefined>;
  /** Hands it in, and prepares the answer: 202 with where to ask for the job. */
  accept(): Promise<Accepted>;
}

/**
 * Takes a request that becomes a job, once for each `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): unique per token and route for
 * 24 hours.
 * @param asked what the request asks for, with all that it left out filled in: two are the same when this is
 * @throws INVALID_REQUEST when the key is none
 */
export function acceptance(
  { clock, intake }: Pick<GatewayDeps, 'clock' | 'intake'>,
  base: string,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: JobRequest,
): Acceptance {
  const deadline = clock.monotonic() + ACCEPT_MS;
  const key = keyOf(request, asked);

  const answered = ({ jobId, replayed }: Submitted): Accepted => {
    const pollUrl = `${base}/jobs/${jobId}`;
    reply.code(202).header('location', pollUrl);
    if (replayed) reply.header('idempotent-replayed', 'true');
    return { jobId, status: 'queued', pollUrl };
  };

  return {
    replay: async () => {
      const before = key && (await withinDeadline(clock, ACCEPT_MS, intake.submitted(key)));
      return before && answered(before);
    },
    accept: () => {
      const options: SubmitOptions = { expiresAt: deadline, ...(key !== undefined && { key }) };
      return intake.submit(asked, options).then(answered);
    },
  };
}

function keyOf(request: FastifyRequest, asked: JobRequest): RequestKey | undefined {
  const given = request.headers['idempotency-key'];
  if (given === undefined) return undefined;
  if (typeof given !== 'string' || !KEY.test(given)) {
    throw new VigiliaError('INVALID_REQUEST', 'Idempotency-Key: must be 1 to 255 visible ASCII characters.', {
      field: 'Idempotency-Key',
    });
  }
  const { action, params, accountId = null, priority = null } = asked;
  return {
    slot: digest([request.caller?.id ?? null, request.routeOptions.url ?? '', given]),
    digest: digest([action, params, accountId, priority]),
  };
}

function digest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}

import type { Json } from '../../../ports.ts';

/** Examples of answers by route (`GET /jobs/:id`; the gateway's own prefix is left out) and status. */
export type Answers = Readonly<Record<string, Readonly<Record<number, Json>>>>;

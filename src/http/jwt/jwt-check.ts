import { createHash } from 'node:crypto';
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Clock } from '../../clock.ts';
import type { JwtConfig } from '../../config.ts';
import { SCOPES, type Scope } from '../../config-values.ts';
import { VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Caller, JwtCheck } from '../callers.ts';
import { type Fetch, KeySet } from './key-set.ts';

/** How far the clocks of who signs and who checks may be apart, in s. */
const LEEWAY_S = 30;
/** Algorithms of the keys of a set; the secret has HS256, and never does one go for the other (RFC 8725, 3.1). */
const SET_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];

/** Checks JWTs (RFC 7519) as they are configured: whoever signed them, for whom, until when, and what they are good for. */
export function createJwtCheck(
  { secret, jwksUrl, issuer, audience, scopeClaim }: JwtConfig,
  deps: { readonly clock: Clock; readonly log: Log; readonly fetch?: Fetch },
): JwtCheck {
  const { clock } = deps;
  const sharedKey = secret === null ? undefined : new TextEncoder().encode(secret);
  const keys = jwksUrl === null ? undefined : new KeySet(jwksUrl, { fetch: (...asked) => fetch(...asked), ...deps });

  async function verified(token: string): Promise<JWTPayload> {
    const options: JWTVerifyOptions = {
      requiredClaims: ['exp'],
      clockTolerance: LEEWAY_S,
      currentDate: new Date(clock.now()),
      ...(issuer !== null && { issuer }),
      ...(audience !== null && { audience }),
    };
    const { alg } = decodeProtectedHeader(token);
    if (sharedKey && alg === 'HS256') return (await jwtVerify(token, sharedKey, { ...options, algorithms: ['HS256'] })).payload;
    if (keys && alg !== undefined && SET_ALGORITHMS.includes(alg))
      return (await jwtVerify(token, keys.find, { ...options, algorithms: [alg] })).payload;
    throw new errors.JOSEAlgNotAllowed('its algorithm is not taken');
  }

  return {
    async check(token) {
      let payload: JWTPayload;
      try {
        payload = await verified(token);
      } catch (thrown) {
        if (thrown instanceof VigiliaError) throw thrown;
        throw new VigiliaError('UNAUTHORIZED', `The JWT is not taken: ${reasonOf(thrown)}.`, { cause: thrown });
      }
      const scope = scopeOf(payload[scopeClaim]);
      if (scope === undefined)
        throw new VigiliaError('FORBIDDEN', `The JWT's claim ${scopeClaim} has none of ${SCOPES.join(', ')}.`);
      return {
        id: nameOf(payload),
        scope,
        by: 'jwt',
        expiresAt: ((payload.exp ?? 0) + LEEWAY_S) * 1000,
      } satisfies Caller;
    },
  };
}

/** @returns the highest scope that a claim names, as text with spaces between or as a list */
function scopeOf(claim: unknown): Scope | undefined {
  const words = typeof claim === 'string' ? claim.split(/[\s,]+/) : Array.isArray(claim) ? claim : [];
  return SCOPES.findLast((scope) => words.includes(scope) || words.includes(`vigilia:${scope}`));
}

/** Whose it is: all JWTs of one subject count as one caller. Without a subject each is one of its own. */
function nameOf({ iss, sub, ...rest }: JWTPayload): string {
  const whose = JSON.stringify(sub === undefined ? [iss, rest] : [iss, sub]);
  return `jwt-${createHash('sha256').update(whose).digest('hex').slice(0, 16)}`;
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof errors.JWTExpired) return 'it has expired';
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    return thrown.claim === 'nbf'
      ? 'it is not valid yet'
      : `its claim ${thrown.claim} is ${thrown.reason === 'missing' ? 'missing' : 'not the one that is expected'}`;
  }
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (thrown instanceof errors.JOSEAlgNotAllowed) return 'its algorithm (alg) is not one that is taken here';
  if (thrown instanceof errors.JWKSNoMatchingKey) return 'no key of the issuer fits it (kid, alg)';
  if (thrown instanceof errors.JWKSMultipleMatchingKeys) return 'it does not name its key (kid), and several fit';
  return 'it cannot be read';
}

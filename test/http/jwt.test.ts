import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JwtConfig } from '../../src/config.ts';
import { VigiliaError } from '../../src/errors.ts';
import { createJwtCheck } from '../../src/http/jwt/jwt-check.ts';
import { buildGateway } from '../../src/http/server.ts';
import { silentLog } from '../../src/log.ts';
import { ask, post } from '../support/ask.ts';
import { HttpHouse } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SECRET = 'a-secret-of-thirty-two-characters';
const ISSUER = 'https://login.example.org/';
const BY_SECRET: JwtConfig = { secret: SECRET, jwksUrl: null, issuer: null, audience: null, scopeClaim: 'scope' };
const BY_SET: JwtConfig = {
  secret: null,
  jwksUrl: 'https://login.example.org/keys',
  issuer: ISSUER,
  audience: 'vigilia',
  scopeClaim: 'scope',
};
const START_S = 1_700_000_000;
const hmac = (secret = SECRET) => new TextEncoder().encode(secret);
const claims = (more: JWTPayload = {}): JWTPayload => ({ sub: 'anna', scope: 'read', exp: START_S + 600, ...more });

interface Signer {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
}
const signers = new Map<string, Signer>();
async function signer(alg: string, kid: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, kid } };
}
beforeAll(async () => {
  for (const [alg, kid] of [
    ['RS256', 'r1'],
    ['ES256', 'e1'],
    ['EdDSA', 'd1'],
    ['ES256', 'e2'],
  ] as const)
    signers.set(kid, await signer(alg, kid));
});
const keyOf = (kid: string): Signer => signers.get(kid) as Signer;
const signed = (kid: string, payload: JWTPayload, header: object = {}) =>
  new SignJWT({ iss: ISSUER, aud: 'vigilia', ...payload })
    .setProtectedHeader({ alg: keyOf(kid).jwk.alg ?? '', kid, ...header })
    .sign(keyOf(kid).privateKey);
const byHmac = (payload: JWTPayload, secret = SECRET, alg = 'HS256') =>
  new SignJWT(payload).setProtectedHeader({ alg }).sign(hmac(secret));

/** An issuer's set of keys, which can be changed and be away. */
class Keys {
  keys: JWK[];
  asked = 0;
  answer: () => Promise<Response> = async () => Response.json({ keys: this.keys });
  constructor(...kids: string[]) {
    this.keys = kids.map((kid) => keyOf(kid).jwk);
  }
  readonly fetch = (): Promise<Response> => {
    this.asked += 1;
    return this.answer();
  };
}

function checking(config: JwtConfig, keys = new Keys()) {
  const clock = new VirtualClock();
  const check = createJwtCheck(config, { clock, log: silentLog, fetch: keys.fetch });
  const outcome = async (token: string | Promise<string>) => {
    try {
      return (await check.check(await token)).scope;
    } catch (error) {
      return error instanceof VigiliaError ? `${error.code}: ${error.message}` : error;
    }
  };
  return { clock, keys, check, outcome };
}

describe('a JWT that is signed with the secret', () => {
  it.each([
    [{ scope: 'read' }, 'read'],
    [{ scope: 'openid vigilia:write profile' }, 'write'],
    [{ scope: ['read', 'admin', 'write'] }, 'admin'],
    [{ scope: 'reader' }, "FORBIDDEN: The JWT's claim scope has none of read, write, admin."],
    [{ scope: undefined }, "FORBIDDEN: The JWT's claim scope has none of read, write, admin."],
    [{ exp: undefined }, 'UNAUTHORIZED: The JWT is not taken: its claim exp is missing.'],
    [{ exp: START_S - 29 }, 'read'],
    [{ exp: START_S - 31 }, 'UNAUTHORIZED: The JWT is not taken: it has expired.'],
    [{ nbf: START_S + 29 }, 'read'],
    [{ nbf: START_S + 31 }, 'UNAUTHORIZED: The JWT is not taken: it is not valid yet.'],
  ] as const)('with %j is %s', async (more, expected) => {
    expect(await checking(BY_SECRET).outcome(byHmac(claims(more as JWTPayload)))).toBe(expected);
  });

  it('has its scope where the configuration says', async () => {
    const { outcome } = checking({ ...BY_SECRET, scopeClaim: 'https://vigilia/roles' });
    expect(await outcome(byHmac(claims({ 'https://vigilia/roles': ['write'] })))).toBe('write');
  });

  it('is for whom, and from whom, the configuration says', async () => {
    const { outcome } = checking({ ...BY_SECRET, issuer: ISSUER, audience: 'vigilia' });
    expect(await outcome(byHmac(claims({ iss: ISSUER, aud: ['other', 'vigilia'] })))).toBe('read');
    expect(await outcome(byHmac(claims({ iss: ISSUER, aud: 'other' })))).toMatch(/^UNAUTHORIZED: .*aud/);
    expect(await outcome(byHmac(claims({ iss: 'https://evil.example', aud: 'vigilia' })))).toMatch(/^UNAUTHORIZED: .*iss/);
    expect(await outcome(byHmac(claims({ aud: 'vigilia' })))).toMatch(/^UNAUTHORIZED: .*iss is missing/);
  });

  it('is refused with another secret, another algorithm, none, or changed', async () => {
    const { outcome } = checking(BY_SECRET);
    expect(await outcome(byHmac(claims(), `${SECRET}x`))).toMatch(/signature is wrong/);
    expect(await outcome(byHmac(claims(), SECRET.repeat(2), 'HS512'))).toMatch(/algorithm/);
    expect(await outcome(new UnsecuredJWT(claims()).encode())).toMatch(/^UNAUTHORIZED/);
    expect(await outcome(signed('r1', claims()))).toMatch(/algorithm/);
    const [head, , signature] = (await byHmac(claims())).split('.');
    const changed = Buffer.from(JSON.stringify(claims({ scope: 'admin' }))).toString('base64url');
    expect(await outcome(`${head}.${changed}.${signature}`)).toMatch(/signature is wrong/);
    expect(await outcome('a.b.c')).toMatch(/cannot be read/);
  });

  it('makes all of one subject one caller', async () => {
    const { check } = checking(BY_SECRET);
    const idOf = async (more: object) => (await check.check(await byHmac(claims(more as JWTPayload)))).id;
    expect(await idOf({ jti: '1' })).toBe(await idOf({ jti: '2', exp: START_S + 900 }));
    expect(await idOf({ sub: 'bert' })).not.toBe(await idOf({}));
    expect(await idOf({ sub: undefined, jti: '1' })).not.toBe(await idOf({ sub: undefined, jti: '2' }));
  });
});

describe('a JWT that is signed with a key of the set', () => {
  it.each(['r1', 'e1', 'd1'])('is taken, by %s', async (kid) => {
    const { outcome, keys } = checking(BY_SET, new Keys('r1', 'e1', 'd1'));
    expect(await outcome(signed(kid, claims({ scope: 'write' })))).toBe('write');
    await outcome(signed(kid, claims()));
    expect(keys.asked).toBe(1);
  });

  it('is never checked with a public key as if it were the secret, nor with a secret out of the set', async () => {
    const { outcome, keys } = checking({ ...BY_SET, secret: SECRET }, new Keys('r1'));
    const publicText = JSON.stringify(keyOf('r1').jwk);
    expect(await outcome(byHmac(claims({ iss: ISSUER, aud: 'vigilia' }), publicText))).toMatch(/signature is wrong/);
    keys.keys = [{ kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), kid: 'o1', alg: 'HS256' }];
    const only = checking(BY_SET, keys);
    expect(await only.outcome(byHmac(claims({ iss: ISSUER, aud: 'vigilia' })))).toMatch(/algorithm/);
  });

  it('is taken by a key that came later, and not by one that has gone', async () => {
    const { clock, outcome, keys } = checking(BY_SET, new Keys('e1'));
    expect(await outcome(signed('e1', claims()))).toBe('read');
    keys.keys = [keyOf('e2').jwk];
    await clock.advance(15_000);
    expect(await outcome(signed('e2', claims()))).toBe('read');
    expect(await outcome(signed('e1', claims()))).toMatch(/^UNAUTHORIZED: .*no key of the issuer/);
  });

  it('with keys that nobody has does not have the set read again and again', async () => {
    const { clock, outcome, keys } = checking(BY_SET, new Keys('e1'));
    for (let n = 0; n < 50; n++) expect(await outcome(signed('e2', claims(), { kid: `made-up-${n}` }))).toMatch(/^UNAUTHORIZED/);
    expect(keys.asked).toBe(1);
    await clock.advance(15_000);
    await Promise.all(Array.from({ length: 20 }, () => outcome(signed('e2', claims()))));
    expect(keys.asked).toBe(2);
  });

  it('goes on while the set is away; one with an unknown key is told to come back', async () => {
    const { clock, outcome, keys } = checking(BY_SET, new Keys('e1'));
    expect(await outcome(signed('e1', claims()))).toBe('read');
    keys.answer = async () => new Response('no', { status: 502 });
    await clock.advance(500_000);
    expect(await outcome(signed('e1', claims()))).toBe('read');
    expect(await outcome(signed('e2', claims()))).toMatch(/^AUTH_KEYS_UNAVAILABLE/);
    expect(await outcome(signed('e2', claims()))).toMatch(/^AUTH_KEYS_UNAVAILABLE/);
    expect(keys.asked).toBe(2);
    await clock.advance(120_000);
    expect(await outcome(signed('e1', claims({ exp: START_S + 900 })))).toBe('read');
    keys.answer = async () => Response.json({ keys: [keyOf('e2').jwk] });
    await clock.advance(15_000);
    expect(await outcome(signed('e2', claims({ exp: START_S + 900 })))).toBe('read');
  });

  it.each([
    ['is not JSON', async () => new Response('<html>')],
    ['has no keys', async () => Response.json({})],
    ['is far too large', async () => new Response(`{"keys":[]}${' '.repeat(300_000)}`)],
    ['cannot be reached', async () => Promise.reject(new Error('ECONNREFUSED'))],
  ])('waits for a set that %s', async (_what, answer) => {
    const keys = new Keys('e1');
    keys.answer = answer;
    expect(await checking(BY_SET, keys).outcome(signed('e1', claims()))).toMatch(/^AUTH_KEYS_UNAVAILABLE/);
  });
});

describe('a gateway that takes JWTs', () => {
  const house = new HttpHouse();
  const clock = new VirtualClock();
  house.clock = clock;
  const tokens = [{ scope: 'read' as const, token: 'a-token-of-old-0123' }];
  const app = buildGateway(house.deps({ host: '0.0.0.0', tokens, access: { jwt: BY_SECRET, rateLimit: 5, failureLimit: 2 } }));
  const SYNC = '/api/telegram-gateway/sync-messages';
  const sync = async (token: string) =>
    ask(app, { ...post(SYNC, { channelId: 'habr_com' }, { authorization: `Bearer ${token}` }), remoteAddress: '203.0.113.9' });

  it('lets them in by their scope, beside its tokens', async () => {
    expect((await sync(await byHmac(claims({ scope: 'write' })))).status).toBe(202);
    expect(await sync(await byHmac(claims()))).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
    expect((await ask(app, { url: '/api/state', headers: { 'x-gateway-token': tokens[0]?.token } })).status).toBe(200);
    const bare = buildGateway(house.deps({ access: { jwt: BY_SECRET } }));
    expect((await ask(bare, { url: '/api/state' })).status).toBe(401);
  });

  it('counts wrong ones as it counts wrong tokens, and lets a right one pass all the same', async () => {
    const wrong = await byHmac(claims(), `${SECRET}!`);
    expect([(await sync(wrong)).status, (await sync(wrong)).status, (await sync(wrong)).status]).toEqual([401, 401, 429]);
    expect((await sync(await byHmac(claims({ sub: 'bert', scope: 'write' })))).status).toBe(202);
  });
});

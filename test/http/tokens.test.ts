import { describe, expect, it } from 'vitest';
import { type ReloadDeps, reloadTokens } from '../../src/cli/reload.ts';
import { type Config, type Environment, readConfig } from '../../src/config.ts';
import { GatewayTokens } from '../../src/gateway-tokens.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask } from '../support/ask.ts';
import { HttpHouse } from '../support/http-house.ts';

const OLD = { scope: 'read' as const, token: 'old-token-0123456789' };
const KEPT = { scope: 'write' as const, token: 'kept-token-0123456789' };
const NEW = { scope: 'admin' as const, token: 'new-token-0123456789' };

describe('the tokens', () => {
  it('are found by what they are, and kept without it', () => {
    const tokens = new GatewayTokens([OLD, KEPT]);
    expect(tokens.find(OLD.token)).toMatchObject({ scope: 'read' });
    for (const wrong of ['', OLD.token.slice(1), `${OLD.token} `, OLD.token.toUpperCase()])
      expect(tokens.find(wrong)).toBeUndefined();
    const { id } = tokens.find(KEPT.token) ?? { id: '' };
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(new GatewayTokens([KEPT]).find(KEPT.token)?.id).toBe(id);
    expect(tokens.find(OLD.token)?.id).not.toBe(id);
  });

  it('are replaced all at once, and whoever listens is told', () => {
    const tokens = new GatewayTokens([OLD, KEPT]);
    const [old, kept] = [tokens.find(OLD.token), tokens.find(KEPT.token)];
    let told = 0;
    const leave = tokens.onReplaced(() => {
      told += 1;
    });
    expect(tokens.replace([KEPT, NEW])).toEqual({ added: 1, removed: 1, kept: 1 });
    expect(tokens.find(OLD.token)).toBeUndefined();
    expect([old, kept].map((one) => one && tokens.isGood(one))).toEqual([false, true]);
    expect(tokens.replace([{ ...KEPT, scope: 'read' }])).toEqual({ added: 1, removed: 2, kept: 0 });
    expect(kept && tokens.isGood(kept)).toBe(false);
    leave();
    tokens.replace([]);
    expect(told).toBe(2);
  });

  it('count from the next request on, on the connections there are', async () => {
    const tokens = new GatewayTokens([OLD]);
    const app = buildGateway(new HttpHouse().deps({ tokens }));
    const statusWith = async (token: string) =>
      (await ask(app, { url: '/api/state', headers: { 'x-gateway-token': token } })).status;
    expect([await statusWith(OLD.token), await statusWith(NEW.token)]).toEqual([200, 401]);
    tokens.replace([NEW]);
    expect([await statusWith(OLD.token), await statusWith(NEW.token)]).toEqual([401, 200]);
  });

  it('close a gateway that was open without, once there are some', async () => {
    const tokens = new GatewayTokens([]);
    const app = buildGateway(new HttpHouse().deps({ tokens }));
    expect((await ask(app, { url: '/api/state' })).status).toBe(200);
    tokens.replace([NEW]);
    expect((await ask(app, { url: '/api/state' })).status).toBe(401);
  });
});

describe('reading them anew', () => {
  const read = (env: Environment): Config =>
    readConfig(
      env,
      () => '',
      () => true,
    );

  function reloaded(before: Environment, now: Environment) {
    const said: { level: string; fields: Readonly<Record<string, unknown>>; line: string }[] = [];
    const say = (level: string) => (fields: Readonly<Record<string, unknown>>, line: string) =>
      void said.push({ level, fields, line });
    const tokens = new GatewayTokens(read(before).tokens);
    const log = { ...new HttpHouse().log, info: say('info'), warn: say('warn'), error: say('error') };
    const deps: ReloadDeps = {
      log,
      config: read(before),
      read: () => read(now),
      program: { replaceTokens: (given) => tokens.replace(given) },
    };
    reloadTokens(deps);
    return { tokens, said };
  }

  it('takes them over, and says what else has changed and does not count yet', () => {
    const { tokens, said } = reloaded(
      { GATEWAY_TOKENS: `read:${OLD.token}` },
      { GATEWAY_TOKENS: `read:${OLD.token},admin:${NEW.token}`, HTTP_PORT: '4020', GATEWAY_JWT_SECRET: 's'.repeat(32) },
    );
    expect(tokens.find(NEW.token)?.scope).toBe('admin');
    expect(said).toEqual([
      { level: 'info', fields: { added: 1, removed: 0, kept: 1 }, line: 'tokens reloaded' },
      expect.objectContaining({
        level: 'warn',
        fields: { variables: ['HTTP_PORT', 'GATEWAY_JWT_SECRET', 'GATEWAY_JWT_SCOPE_CLAIM'] },
      }),
    ]);
    expect(JSON.stringify(said)).not.toContain(NEW.token);
  });

  it('changes nothing where anything is wrong, and names all of it', () => {
    const { tokens, said } = reloaded(
      { GATEWAY_TOKENS: `read:${OLD.token}` },
      { GATEWAY_TOKENS: `root:${NEW.token}`, LOG_LEVEL: 'loud' },
    );
    expect(tokens.find(OLD.token)?.scope).toBe('read');
    expect(said).toMatchObject([{ level: 'error', fields: { faults: [{ name: 'GATEWAY_TOKENS' }, { name: 'LOG_LEVEL' }] } }]);
    expect(JSON.stringify(said)).not.toContain(NEW.token);
  });
});

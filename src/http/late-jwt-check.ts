import type { Clock } from '../clock.ts';
import type { JwtConfig } from '../config.ts';
import type { Log } from '../log.ts';
import type { JwtCheck } from './callers.ts';

/** A check of JWTs whose code is loaded when the first one comes. */
export function lateJwtCheck(config: JwtConfig, { clock, log }: { readonly clock: Clock; readonly log: Log }): JwtCheck {
  let loading: Promise<JwtCheck> | undefined;
  const load = async (): Promise<JwtCheck> => {
    const { createJwtCheck } = await import('./jwt/jwt-check.ts');
    return createJwtCheck(config, { clock, log });
  };
  return {
    async check(token) {
      loading ??= load();
      return (await loading).check(token);
    },
  };
}

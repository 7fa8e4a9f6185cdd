import { SCOPES } from '../config-values.ts';
import { callerOf } from './access.ts';
import type { App } from './app.ts';
import { Type } from './typebox.ts';
import { isoTimeOrNull, NoQuery, nullable } from './view.ts';

const CallerSchema = Type.Object({
  id: Type.String({ description: 'The same for the same token, or subject of JWTs; nothing of a token can be read from it.' }),
  scope: Type.Enum(SCOPES, { description: 'What you may do; each includes the ones before.' }),
  by: Type.Enum(['token', 'jwt', 'local'], { description: 'local: no token is needed here.' }),
  expiresAt: nullable(Type.String({ description: 'Up to when a JWT counts.' })),
});

/** Tells those who ask who they are here: what they may do, and by which id the list of acts has them. */
export function addCallerRoute(app: App): void {
  app.get(
    '/api/caller',
    {
      config: { scope: 'read', summary: 'Who you are here, and what you may do' },
      schema: { querystring: NoQuery, response: { 200: CallerSchema } },
    },
    async (request) => {
      const { id, scope, by, expiresAt = null } = callerOf(request);
      return { id, scope, by, expiresAt: isoTimeOrNull(expiresAt) };
    },
  );
}

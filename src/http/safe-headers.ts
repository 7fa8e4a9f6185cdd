import type { App } from './app.ts';

/** An answer is data: nothing of it runs, is framed, or is read by the pages of other sites. Routes with a page say what it may do instead. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Headers with which a browser takes an answer for no more than it is (https://owasp.org/www-project-secure-headers/). */
export function addSafeHeaders(app: App): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header('cross-origin-resource-policy', 'same-origin')
      .header('content-security-policy', DATA_POLICY);
    done();
  });
}

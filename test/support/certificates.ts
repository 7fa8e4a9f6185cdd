import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An authority that nobody trusts by himself, and a server's certificate for `localhost` and 127.0.0.1 by it. */
export interface Certificates {
  /** Files, PEM. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  remove(): Promise<void>;
}

/** Makes them, with the `openssl` command. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'vigilia-tls-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]) => run('openssl', args);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout'];
  await openssl('req', '-x509', '-days', '2', '-subj', '/CN=Test authority', ...newKey, at('ca.key'), '-out', at('ca.pem'));
  await openssl('req', '-subj', '/CN=localhost', ...newKey, at('server.key'), '-out', at('server.csr'));
  await writeFile(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('names')];
  await openssl('x509', '-req', '-in', at('server.csr'), ...signing, '-out', at('server.pem'));
  return {
    authority: at('ca.pem'),
    certificate: at('server.pem'),
    key: at('server.key'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

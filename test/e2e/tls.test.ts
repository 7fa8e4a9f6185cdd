import { expect, it, onTestFinished, vi } from 'vitest';
import { makeCertificates } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, startPostgres } from '../support/postgres.ts';
import { Program, temporaryFolder, until } from '../support/program.ts';
import { describeRabbitmq, PrivateRabbitmq } from '../support/rabbitmq.ts';
import { describeRedis, PrivateRedis } from '../support/redis.ts';

// Three servers, of which one takes ten seconds to start, and two programs.
vi.setConfig({ testTimeout: 120_000 });

describePostgres('over TLS', () => {
  describeRabbitmq('to all servers', () => {
    describeRedis('with certificates of an authority of one’s own', () => {
      it('they are used where NODE_EXTRA_CA_CERTS names it, and are down without, which says why', async () => {
        const { authority, certificate, key, remove } = await makeCertificates();
        onTestFinished(remove);
        const [amqps, rediss] = [await freePort(), await freePort()];
        const files = [
          ['certfile', certificate],
          ['keyfile', key],
          ['cacertfile', authority],
        ];
        const [postgres, rabbit, redis] = await Promise.all([
          startPostgres({ tls: { certificate, key } }),
          PrivateRabbitmq.start([
            `listeners.ssl.default = 127.0.0.1:${amqps}`,
            ...files.map(([name, file]) => `ssl_options.${name} = ${file}`),
          ]),
          PrivateRedis.start([
            `tls-port ${rediss}`,
            `tls-cert-file ${certificate}`,
            `tls-key-file ${key}`,
            `tls-ca-cert-file ${authority}`,
            'tls-auth-clients no',
          ]),
        ]);
        onTestFinished(() => Promise.all([postgres.remove(), rabbit.remove(), redis.remove()]).then(() => {}));
        const database = new URL((await postgres.createDatabase()).url);
        database.search = 'sslmode=verify-full';
        const folder = await temporaryFolder(onTestFinished);
        const start = async (more: Readonly<Record<string, string>>): Promise<Program> => {
          const env = {
            VIGILIA_ROLE: 'gateway',
            TELEGRAM_API_ID: '1',
            TELEGRAM_API_HASH: '0'.repeat(32),
            DATABASE_URL: database.href,
            RABBITMQ_URL: `amqps://guest:guest@localhost:${amqps}`,
            REDIS_URL: `rediss://127.0.0.1:${rediss}`,
            HTTP_PORT: String(await freePort()),
            LOG_LEVEL: 'info',
          };
          const program = new Program(['start'], { ...env, ...more }, folder);
          onTestFinished(() => program.kill());
          await program.logged(({ msg }) => msg === 'http is listening');
          return program;
        };
        const shows = (program: Program, state: string) =>
          until(async () => {
            const { store, broker, cache } = (await program.health()).report.dependencies;
            return [store, broker, cache].every((each) => each.state === state) ? { store, broker, cache } : undefined;
          });

        const stranger = await start({});
        const refused = { reason: expect.stringContaining('certificate') };
        expect(await shows(stranger, 'down')).toMatchObject({ store: refused, broker: refused, cache: refused });
        expect(await stranger.stop()).toBe(0);

        const trusting = await start({ NODE_EXTRA_CA_CERTS: authority });
        await shows(trusting, 'up');
        expect(await trusting.stop()).toBe(0);
      });
    });
  });
});

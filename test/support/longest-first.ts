import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What takes longest, the longest first: begun last, one such file would keep a single worker busy while the others have nothing left to do.
 * Those that mostly wait (for pings, leases, backoffs) stand among those that compute, so that both cores have work from the beginning.
 */
const LONGEST: readonly string[] = [
  'chaos/chaos',
  'e2e/kill',
  'e2e/honest-health',
  'lease/workers',
  'e2e/lifecycle',
  'session/crash',
  'e2e/refusals',
  'telegram/error-table',
  'telegram/nothing-missed',
  'events/events.e2e',
  'e2e/rabbitmq',
  'session/session.cli',
  'login/login.program',
  'login/login.cli',
  'e2e/exports',
  'telegram/account.test',
  'cache-broker/rabbitmq',
  'console/page',
  'processes/processes.e2e',
  'bench/run',
  'store/postgresql.outage',
  'e2e/planted',
  'e2e/keep',
  'e2e/foreign',
  'e2e/floods',
  'login/login.test',
  'cache-broker/redis.cache',
  'actors/supervision-mutants',
  'actors/supervision.property',
];

function rank({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((name) => moduleId.includes(`/test/${name}`));
  return at < 0 ? LONGEST.length : at;
}

/**
 * The order of test files: first the longest, then those that have a process of their own, then those that share one, which goes from file to file
 * only as long as the next one may share it too.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    const shares = ({ project }: TestSpecification): number => (project.config.isolate ? 0 : 1);
    return usual.sort((one, other) => rank(one) - rank(other) || shares(one) - shares(other));
  }
}

import type { Clock, Random } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Intake, JsonObject, Store } from '../../ports.ts';
import type { ChildSpec } from '../actor.ts';
import type { RabbitConnection } from '../broker/rabbitmq/rabbit-connection.ts';
import type { EventParts } from '../events/event-parts.ts';
import { eventPublisherSpec } from '../events/event-publisher.actor.ts';
import { Nudge } from './dispatcher.actor.ts';
import { foreignAnswersSpec } from './foreign-answers.actor.ts';
import { foreignIntakeSpec } from './foreign-intake.actor.ts';
import type { AskingRules } from './foreign-request.ts';
import { ForeignTally } from './foreign-tally.ts';

export interface ForeignProgramsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly connection: RabbitConnection;
  /** Who tells when the stream has grown, and whether this process tells other programs of it. */
  readonly events: Pick<EventParts<Store>, 'right' | 'follow'>;
  readonly rules: AskingRules;
  readonly checkAccount: Intake['checkAccount'];
  /** Chooses the account of a request that names none. */
  readonly choose: (params: JsonObject) => string | Promise<string>;
  /** Tells the dispatcher that there is a job. */
  readonly nudge: () => void;
}

/** All that other programs deal with over RabbitMQ in a worker: what takes their requests, what answers them, what tells them of events (decision 20). */
export class ForeignPrograms {
  readonly tally: ForeignTally;
  readonly requests: ChildSpec;
  /** These tell what others have done: they are started before them, and end after them. */
  readonly answers: ChildSpec;
  readonly publisher: ChildSpec;

  constructor({ events, rules, checkAccount, choose, nudge, ...deps }: ForeignProgramsDeps) {
    const { connection, clock } = deps;
    const tally = new ForeignTally(clock);
    const nudges = () => {
      const [wake, back] = [new Nudge(), new Nudge()];
      events.follow(wake.ring);
      connection.onUp(back.ring);
      return { wake, back };
    };
    const shared = { ...deps, right: events.right, tally };
    const [publishing, answering] = [nudges(), nudges()];
    this.tally = tally;
    this.publisher = eventPublisherSpec(publishing.wake, { ...shared, back: publishing.back, lane: connection.openLane() });
    this.answers = foreignAnswersSpec(answering.wake, { ...shared, back: answering.back });
    this.requests = foreignIntakeSpec({ ...shared, rules, checkAccount, choose, nudge });
    const unknown = rules.allowed?.filter((name) => rules.actions.get(name)?.request === undefined) ?? [];
    if (unknown.length > 0) deps.log.warn({ unknown }, 'RABBITMQ_ACTIONS names actions that other programs cannot ask for');
  }
}

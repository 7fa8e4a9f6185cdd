import { randomUUID } from 'node:crypto';
import { type Clock, within } from '../../clock.ts';
import { causeChain, toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Act, ActAsker, ActReport, ActRequest, Acts, JsonObject } from '../../ports.ts';
import { checkAct } from '../act-rules.ts';
import type { Registry } from '../registry.ts';
import { CameToNothing } from '../supervisor-handle.ts';
import { ActTrail } from './act-trail.ts';
import type { RemoteActs } from './remote-acts.ts';

const ANSWER_MS = 8_000;
/** How long it is waited for that an act is written down, in ms: none is to wait for a database that is away. */
const AUDIT_MS = 1_000;

export interface ActDeskDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  /** Names this installation. */
  readonly process: string;
  /** Asks other processes; absent where there are none. */
  readonly remote: RemoteActs | undefined;
  /** How long whoever asked waits for an act to be done, in ms; after that it goes on without him. @default 8 s */
  readonly answerMs?: number;
}

/** Does what people want done, and has each act written down: when it begins, and with what came of it. */
export class ActDesk implements Acts {
  readonly trail: ActTrail;
  readonly #deps: ActDeskDeps;

  constructor(deps: ActDeskDeps) {
    this.#deps = deps;
    this.trail = new ActTrail((act) => deps.log.error(fieldsOf(act), 'an act could not be written down: only the log has it'));
  }

  async perform(request: ActRequest, asker: ActAsker): Promise<ActReport> {
    const { clock, registry, process: own, remote, answerMs = ANSWER_MS } = this.#deps;
    const { actor, event = null, reason = null, process = own } = request;
    const act: Act = { ...newAct(clock, asker, process), actor, act: request.act, event, reason };
    if (process !== own) {
      if (!remote) throw new VigiliaError('NOT_FOUND', 'There are no other processes here: leave it out.', { field: 'process' });
      return remote.perform(act);
    }
    const audited = await this.#note(act);
    // It waits for the answers in hand before it ends, this one among them.
    if (act.act === 'restart' && registry.actable(actor)?.kind === 'listener') {
      return { act, audited, begin: () => this.carryOut(act) };
    }
    // What comes of it when nobody waits any more is written down too.
    return within(clock, answerMs, this.#carriedOut(act), () => ({ act, audited }));
  }

  /** Does an act that nobody waits for here: what comes of it is written down. */
  readonly carryOut = (act: Act): void => {
    this.#carriedOut(act).catch(() => {});
  };

  async witness<T>(
    name: 'purge' | 'replay',
    asked: JsonObject,
    asker: ActAsker,
    work: () => Promise<T>,
    detail: (result: T) => JsonObject,
  ): Promise<T> {
    const act: Act = { ...newAct(this.#deps.clock, asker, this.#deps.process), act: name, detail: asked };
    await this.#note(act);
    let result: T;
    try {
      result = await work();
    } catch (thrown) {
      await this.#end(act, toVigiliaError(thrown));
      throw thrown;
    }
    await this.#end({ ...act, detail: { ...asked, ...detail(result) } });
    return result;
  }

  /** @throws what refused it, or what it failed of, once that is noted */
  async #carriedOut(act: Act): Promise<ActReport> {
    this.#deps.log.info(fieldsOf(act), 'an act begins');
    try {
      await this.#do(act);
    } catch (thrown) {
      await this.#end(act, toVigiliaError(thrown));
      throw thrown;
    }
    const state = this.#deps.registry.glance(act.actor ?? '')?.state;
    return this.#end({ ...act, ...(state !== undefined && { detail: { state } }) });
  }

  async #do({ actor, act, event }: Act): Promise<void> {
    const { registry } = this.#deps;
    const path = actor ?? '';
    const actable = registry.actable(path);
    if (!actable)
      throw new VigiliaError('NOT_FOUND', 'There is no such actor; GET /api/state shows the tree.', { field: 'actor' });
    if (act === 'purge' || act === 'replay') throw new VigiliaError('INTERNAL', `${act} is nothing that is done to an actor`);
    checkAct(actable, { act, event: event ?? '' });
    if (act === 'send') {
      registry.ref(path)?.send({ type: event });
      return;
    }
    const split = path.lastIndexOf('/');
    const supervisor = registry.supervisor(path.slice(0, split));
    if (!supervisor) throw new VigiliaError('SUPERVISION_REFUSED', `${path}: its supervisor does not run.`);
    const id = path.slice(split + 1);
    switch (act) {
      case 'restart':
        return supervisor.restart(id);
      case 'resume':
        return supervisor.resume(id);
      default:
        return supervisor.suspend(id);
    }
  }

  async #end(act: Act, error?: VigiliaError): Promise<ActReport> {
    const { clock, log } = this.#deps;
    const finishedAt = clock.now();
    const ended: Act = error
      ? {
          ...act,
          outcome: isRefusal(error) ? 'refused' : 'failed',
          code: error.code,
          why: reasonOf(error),
          finishedAt,
        }
      : { ...act, outcome: 'done', finishedAt };
    log.warn(fieldsOf(ended), 'an act has ended');
    return { act: ended, audited: await this.#note(ended) };
  }

  async #note(act: Act): Promise<ActReport['audited']> {
    return (await within(this.#deps.clock, AUDIT_MS, this.trail.note(act), () => false)) ? 'now' : 'later';
  }
}

function newAct(clock: Clock, asker: ActAsker, process: string) {
  const nothing = { actor: null, event: null, reason: null, detail: null, code: null, why: null, finishedAt: null } as const;
  return { id: randomUUID(), at: clock.now(), asker, process, ...nothing, outcome: 'under-way' } as const;
}

/** In words, with what is behind it. */
function reasonOf({ message, cause }: VigiliaError): string {
  return [message, ...(cause === undefined ? [] : causeChain(cause))].join(' ← ');
}

/** Nothing was done: what failed in the middle has a cause, or was a command that its supervisor had begun. */
function isRefusal(error: VigiliaError): boolean {
  return error.fault === 'permanent' && error.cause === undefined && !(error instanceof CameToNothing);
}

function fieldsOf({ id, asker, actor, act, event, reason, detail, outcome, code, why }: Act): Readonly<Record<string, unknown>> {
  const { caller, address, requestId } = asker;
  const given = Object.entries({ actor, event, reason, detail, code, cause: why }).filter(([, value]) => value !== null);
  return { actId: id, caller, address, requestId, act, outcome, ...Object.fromEntries(given) };
}

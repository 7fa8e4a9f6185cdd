import { VigiliaError } from '../errors.ts';
import type { SupervisorCommand } from '../machines/supervisor-decision.ts';
import type { ChildSpec } from './actor.ts';

/**
 * What a running supervisor does when it is asked. Each resolves when it is done.
 * @throws SUPERVISION_REFUSED when it cannot be done, with the reason; {@link CameToNothing} where it was begun
 */
export interface SupervisorHandle {
  /** Starts a child besides those of the specification, after all others; resolves when it is up. OTP's `start_child`. */
  add(child: ChildSpec): Promise<void>;
  /** Stops a child and forgets it. OTP's `terminate_child` and `delete_child`. */
  remove(id: string): Promise<void>;
  /** Stops a child until {@link SupervisorHandle.resume}; a restart of its siblings does not start it either. */
  suspend(id: string): Promise<void>;
  /** Starts a suspended child; resolves when it is up. */
  resume(id: string): Promise<void>;
  /** Stops a child with those that are restarted with it, and starts them again; it does not count against the intensity. */
  restart(id: string): Promise<void>;
}

/** A command that was being done, and came to nothing: the child may have been stopped for it. */
export class CameToNothing extends VigiliaError {}

interface Question {
  readonly id: string;
  /** What the child has to be for the answer. */
  readonly wants: 'up' | 'down';
  readonly resolve: () => void;
  readonly reject: (error: VigiliaError) => void;
  /** Its command is being done; before, nothing that happens to the child is an answer to it. */
  accepted: boolean;
}

/** Who waits for an answer about which child. */
export class Questions {
  readonly #path: string;
  readonly #open = new Map<number, Question>();
  #count = 0;

  /** @param path of the supervisor that is asked */
  constructor(path: string) {
    this.#path = path;
  }

  /** @param send gives the command to the supervisor; false when there is none */
  ask(command: SupervisorCommand, send: (command: SupervisorCommand) => boolean): Promise<void> {
    const { id, type } = command;
    const ask = this.#count++;
    const wants = type === 'REMOVE' || type === 'SUSPEND' ? 'down' : 'up';
    const answer = new Promise<void>((resolve, reject) => {
      this.#open.set(ask, { id, wants, resolve, reject, accepted: false });
    });
    if (!send({ ...command, ask })) this.refuse(ask, 'its supervisor does not run');
    return answer;
  }

  /** The command is being done. */
  accept(ask: number): void {
    const question = this.#open.get(ask);
    if (question) question.accepted = true;
  }

  /** The command is not done. */
  refuse(ask: number, why: string): void {
    const question = this.#open.get(ask);
    this.#open.delete(ask);
    question?.reject(this.#error(question, why));
  }

  isUp(id: string): void {
    for (const { resolve } of this.#take(id, 'up')) resolve();
  }

  isDown(id: string): void {
    for (const { resolve } of this.#take(id, 'down')) resolve();
    this.staysDown(id, 'it was stopped');
  }

  /** Who waits for the child to be up waits in vain. */
  staysDown(id: string, why: string, cause?: unknown): void {
    for (const question of this.#take(id, 'up')) question.reject(this.#error(question, why, cause));
  }

  refuseAll(why: string): void {
    for (const ask of [...this.#open.keys()]) this.refuse(ask, why);
  }

  #take(id: string, wants: Question['wants']): readonly Question[] {
    const taken = [...this.#open].filter(([, question]) => question.accepted && question.id === id && question.wants === wants);
    for (const [ask] of taken) this.#open.delete(ask);
    return taken.map(([, question]) => question);
  }

  #error({ id, accepted }: Question, why: string, cause?: unknown): VigiliaError {
    const Kind = accepted ? CameToNothing : VigiliaError;
    return new Kind('SUPERVISION_REFUSED', `${this.#path}/${id}: ${why}`, { cause });
  }
}

import { createActor } from 'xstate';
import { VigiliaError } from '../errors.ts';
import type { ActorNode, ActorSystemView } from '../ports.ts';
import { type SupervisionDeps, type SupervisorSpec, supervise } from './supervisor.ts';
import type { SupervisorHandle } from './supervisor-handle.ts';

/** A running tree. */
export interface ActorSystem extends ActorSystemView {
  /** Resolves when every child is up for the first time. @throws the reason when the tree gave up before */
  readonly started: Promise<void>;
  /** Resolves when the tree has ended: with undefined after `stop()`, with the reason when the root gave up. */
  readonly ended: Promise<VigiliaError | undefined>;
  /** Stops the tree, children in reverse order, each within its deadline. */
  stop(): Promise<void>;
  /** @returns where to send commands for the children of a supervisor, by its path; undefined where no supervisor is */
  supervisor(path: string): SupervisorHandle | undefined;
}

/** Starts the tree under one root supervisor, as one XState system with one clock. */
export function startSystem(spec: SupervisorSpec, deps: SupervisionDeps): ActorSystem {
  const { clock, registry } = deps;
  let announceStart: () => void = () => {};
  const up = new Promise<void>((resolve) => {
    announceStart = resolve;
  });
  const path = 'root';
  registry.add(path, { kind: 'supervisor' });
  const { logic, input } = supervise(spec, deps, { path, incarnation: 1, ready: () => announceStart() });
  const root = createActor(registry.recorded(path, 1, logic), { input: input as never, clock, inspect: registry.inspect });
  const ended = new Promise<VigiliaError | undefined>((resolve) => {
    root.subscribe({
      next: (snapshot) => {
        registry.noteSnapshot(path, snapshot);
        if (snapshot.status === 'done') resolve((snapshot.output as { failure?: VigiliaError }).failure);
      },
      error: (error) => resolve(new VigiliaError('INTERNAL', 'the root supervisor itself failed', { cause: error })),
    });
  });
  root.start();
  registry.setState(path, 'up');
  registry.setRef(path, root, 1);
  const failed = ended.then((failure) => {
    if (failure) throw failure;
  });
  const started = Promise.race([up, failed]);
  // Whoever waits for its end only hears of the failure there.
  started.catch(() => {});
  return {
    started,
    ended,
    stop: async () => {
      if (root.getSnapshot().status === 'active') root.send({ type: 'SHUTDOWN' });
      await ended;
    },
    tree: () => registry.tree(path) as ActorNode,
    find: (wanted) => registry.detail(wanted),
    supervisor: (wanted) => registry.supervisor(wanted),
  };
}

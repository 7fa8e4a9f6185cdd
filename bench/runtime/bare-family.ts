import { type AnyActorLogic, createActor, setup } from 'xstate';
import type { Child, Family } from './family.ts';

/** Bare XState: a parent machine that invokes its children and invokes one again when it fails. No order, no deadlines, no record. */
export const bareFamily: Family = {
  start: async (children) => {
    let readyLeft = children.length;
    let announce: () => void = () => {};
    const allReady = new Promise<void>((resolve) => {
      announce = resolve;
    });
    const ready = (): void => {
      readyLeft--;
      if (readyLeft === 0) announce();
    };
    const parent = createActor(parentMachine(children, ready));
    // Without a listener XState throws a child's failure globally besides handling it.
    parent.subscribe({ error: () => {} });
    parent.start();
    await allReady;
    return { stop: async () => void parent.stop() };
  },
};

function parentMachine(children: readonly Child[], ready: () => void) {
  const actors: Record<string, AnyActorLogic> = Object.fromEntries(children.map((child) => [child.id, child.logic(ready)]));
  const states = Object.fromEntries(
    children.map(({ id }) => [
      id,
      { initial: 'up', states: { up: { invoke: { id, src: id, onError: { target: 'up', reenter: true } } } } },
    ]),
  );
  return setup({ actors }).createMachine({ type: 'parallel', states: states as never });
}

import type { AnyActorLogic } from 'xstate';

/** A parent with children, as bare XState makes it or as our supervision does: what both can, to be measured alike. */
export interface Family {
  /** Starts a parent with these children. Resolves once every child has called its `ready`. */
  start(children: readonly Child[]): Promise<{ stop(): Promise<void> }>;
}

/** A child: made anew for each life. */
export interface Child {
  readonly id: string;
  /** @param ready to be called when the life does its work */
  logic(ready: () => void): AnyActorLogic;
}

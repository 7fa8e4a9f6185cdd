import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { followEvents } from './event-feed.ts';
import { merged } from './heard-transitions.ts';
import { inOurTime, type Told } from './our-time.ts';
import { statePathOf } from './process-place.ts';
import { type Resource, useResource } from './resource.ts';
import type { ActorDetail, Transition } from './shapes.ts';

/** How often an actor is asked for while what it does is heard, and while it is not, in ms. */
const BESIDE_MS = 5_000;
const POLL_MS = 1_000;
/** How long after something was heard the rest of the actor is asked for, in ms; and after something was heard of what is below it. */
const REFRESH_MS = 400;
const REFRESH_BELOW_MS = 2_000;
/** How often what was heard is painted, in ms. */
const PAINT_MS = 60;
const KEPT = 64;

/** An actor as it is at this moment. */
export interface LiveActor {
  readonly actor: Resource<ActorDetail>;
  /** How many transitions were left out lately, because there were too many. */
  readonly omitted: number;
}

/**
 * One actor: what it does is heard as it does it, and what else there is of it is asked for then. Where it cannot be heard (it is another process's, or
 * the stream is interrupted), it is asked for every second.
 */
export function useActor(path: string, process: string | undefined): LiveActor {
  const [open, setOpen] = useState(false);
  const [heard, setHeard] = useState<readonly Transition[]>([]);
  const [omitted, setOmitted] = useState(0);
  const asked = useResource<ActorDetail & Told>(statePathOf(process, path), { everyMs: open ? BESIDE_MS : POLL_MS });
  const refresh = useRef(asked.refresh);
  refresh.current = asked.refresh;

  useEffect(() => {
    setHeard([]);
    setOmitted(0);
    if (process !== undefined) return;
    let pending: Transition[] = [];
    let painting: ReturnType<typeof setTimeout> | undefined;
    let refreshing: ReturnType<typeof setTimeout> | undefined;
    const paint = (): void => {
      painting = undefined;
      const newest = pending.reverse();
      pending = [];
      setHeard((before) => [...newest, ...before].slice(0, KEPT));
    };
    const end = followEvents({
      url: `api/transitions?actor=${encodeURIComponent(path)}`,
      onState: (isOpen) => setOpen(isOpen),
      onEvent: ({ event, data }) => {
        if (event === 'omitted') setOmitted((JSON.parse(data) as { omitted: number }).omitted);
        if (event !== 'transition') return;
        const told = JSON.parse(data) as Transition & { readonly path: string };
        const isOwn = told.path === path;
        refreshing ??= setTimeout(
          () => {
            refreshing = undefined;
            refresh.current();
          },
          isOwn ? REFRESH_MS : REFRESH_BELOW_MS,
        );
        // What is below it changes how it looks, and not what it did.
        if (!isOwn) return;
        pending.push(told);
        painting ??= setTimeout(paint, PAINT_MS);
      },
    });
    return () => {
      end();
      setOpen(false);
      clearTimeout(painting);
      clearTimeout(refreshing);
    };
  }, [path, process]);

  const value = useMemo(() => asked.value && merged(inOurTime(asked.value, asked.at), heard), [asked.value, asked.at, heard]);
  return { actor: { ...asked, value }, omitted };
}

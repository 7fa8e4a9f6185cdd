import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useActor } from '../actor-live.ts';
import { Age, Shown, Since } from '../bits.tsx';
import { clockTime, count, duration } from '../format.ts';
import { processHref } from '../process-place.ts';
import { useNow } from '../resource.ts';
import type { ActorDetail, Transition } from '../shapes.ts';
import { text } from '../texts.ts';
import { ActPanel } from './act-panel.tsx';
import { Acts } from './acts.tsx';
import { Chart, type Lit } from './chart.tsx';

/** Kinds of actors that are machines of the catalogue. */
const MACHINES = new Set(['connection', 'login', 'feed', 'lease', 'link', 'supervisor']);

/**
 * One actor: where it is, what it did, and its chart with both lit as it moves. A slider steps back through what it did.
 * @param process whose actor it is; without it, of the one that is asked
 */
export function ActorPanel({ path, process }: { readonly path: string; readonly process?: string | undefined }): JSX.Element {
  const { actor, omitted } = useActor(path, process);
  return (
    <Shown of={actor}>{(detail) => <Actor actor={detail} process={process} omitted={omitted} onDone={actor.refresh} />}</Shown>
  );
}

function Actor({
  actor,
  process,
  omitted,
  onDone,
}: {
  readonly actor: ActorDetail;
  readonly process: string | undefined;
  readonly omitted: number;
  readonly onDone: () => void;
}): JSX.Element {
  const now = useNow();
  /** The number of the step that one looks back at; undefined is now. */
  const [chosen, setChosen] = useState<number>();
  // What the machine had no transition for moves nothing; the list shows it.
  const steps = useMemo(() => actor.transitions.filter(({ edges }) => edges.length > 0), [actor.transitions]);
  // One that is not kept any more is as far back as one can look.
  const found = chosen === undefined ? 0 : steps.findIndex(({ number }) => number <= chosen);
  const back = found < 0 ? steps.length - 1 : found;
  const step = steps[back];
  const lit = useMemo<Lit>(
    () => ({ state: back === 0 ? actor.state : step?.state, edges: step?.edges ?? [] }),
    [actor.state, back, step],
  );
  const { supervision, lastExit } = actor;
  return (
    <article>
      <h2>
        <code>{actor.path}</code>
      </h2>
      <p class="row">
        <strong>{actor.state}</strong> <Since at={actor.since} />
        <span class="hint">
          {actor.kind} · {text.incarnation(actor.incarnation)} · {text.restarts(actor.restarts)} ·{' '}
          {text.handled(count(actor.events.handled))}
          {actor.queued !== undefined && <> · {text.queued(count(actor.queued))}</>}
          {actor.events.rejected > 0 && (
            <>
              , {count(actor.events.rejected)} {text.rejected.split(':')[0]}
            </>
          )}
        </span>
      </p>
      {actor.nextStartAt !== undefined && <p class="advice">{text.nextStart(text.in(duration(actor.nextStartAt - now)))}</p>}
      {supervision && (
        <p class="hint">
          {supervision.strategy} · {text.intensity(supervision.restarts, supervision.maxRestarts, duration(supervision.periodMs))}
        </p>
      )}
      {lastExit && (
        <p class={lastExit.reason === 'failure' ? 'trouble' : 'hint'}>
          {text.lastExit}: {lastExit.reason}, <Age at={lastExit.at} />
          {lastExit.causes.length > 0 && <>: {lastExit.causes.join(' ← ')}</>}
        </p>
      )}
      <ActPanel actor={actor} process={process} onDone={onDone} />
      {MACHINES.has(actor.kind) ? (
        <>
          {steps.length > 0 && (
            <p class="row">
              <label class="slider">
                {text.replayHow}
                <input
                  type="range"
                  min={0}
                  max={steps.length - 1}
                  value={steps.length - 1 - back}
                  aria-valuetext={back === 0 ? text.nowShown : step && clockTime(step.at)}
                  onInput={(event) => {
                    const at = steps.length - 1 - Number(event.currentTarget.value);
                    setChosen(at === 0 ? undefined : steps[at]?.number);
                  }}
                />
              </label>
              <span>{back === 0 ? text.nowShown : step && `${clockTime(step.at)} ${eventName(step.event)}`}</span>
            </p>
          )}
          <Chart machine={actor.kind} lit={lit} />
        </>
      ) : (
        <p class="hint">{text.noChart}</p>
      )}
      <div class="columns">
        <section>
          <h3>{text.transitions}</h3>
          <Transitions all={actor.transitions} shown={step} />
          {omitted > 0 && <p class="hint">{text.omitted(omitted)}</p>}
        </section>
        {actor.context && (
          <section>
            <h3>{text.context}</h3>
            <dl class="facts">
              {Object.entries(actor.context).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <Known name={name} value={value} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        )}
      </div>
      {actor.children.length > 0 && (
        <ul class="list">
          {actor.children.map((child) => (
            <li key={child.path}>
              <a href={processHref(process, child.path)}>{child.path}</a> <span class="hint">{child.state}</span>
            </li>
          ))}
        </ul>
      )}
      <Acts actor={actor.path} process={process} />
    </article>
  );
}

/** What an actor knows, as people write it. */
function Known({ name, value }: { readonly name: string; readonly value: unknown }): JSX.Element {
  if (value === null) return <>–</>;
  if (typeof value === 'number' && /At$/.test(name))
    return (
      <>
        {clockTime(value)} <span class="hint">({<Age at={value} />})</span>
      </>
    );
  if (typeof value === 'number' && /Ms$/.test(name)) return <>{duration(value)}</>;
  return <>{typeof value === 'string' ? value : JSON.stringify(value)}</>;
}

function Transitions({
  all,
  shown,
}: {
  readonly all: readonly Transition[];
  readonly shown: Transition | undefined;
}): JSX.Element {
  if (all.length === 0) return <p class="hint">{text.transitionsEmpty}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and without a tab stop only with a mouse
    <ol class="transitions" tabIndex={0}>
      {all.map((one) => (
        <li key={one.number} class={one === shown ? 'shown' : ''}>
          <time dateTime={new Date(one.at).toISOString()}>{clockTime(one.at)}</time> <code>{eventName(one.event)}</code>{' '}
          {one.edges.map(({ from, to }) => (to.length > 0 ? `${from} → ${to.join(', ')}` : from)).join('; ')}
          {one.rejected && <span class="hint"> {text.rejected}</span>}
          {one.failed && <span class="badge bad">{text.failedWith}</span>}
          {one.durationMs !== undefined && one.durationMs >= 5 && <span class="hint"> {one.durationMs.toFixed(1)} ms</span>}
        </li>
      ))}
    </ol>
  );
}

/** XState's own events in fewer words. */
function eventName(event: string): string {
  return event
    .replace(/^xstate\.done\.actor\.\d+\.(\w+)\.(.+)$/, '$2 done')
    .replace(/^xstate\.error\.actor\.\d+\.(\w+)\.(.+)$/, '$2 failed')
    .replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1');
}

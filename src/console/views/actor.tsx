import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { Age, Shown, Since } from '../bits.tsx';
import { clockTime, count, duration } from '../format.ts';
import { hrefOf } from '../place.ts';
import { useNow, useResource } from '../resource.ts';
import type { ActorDetail, Transition } from '../shapes.ts';
import { text } from '../texts.ts';
import { Chart, type Lit } from './chart.tsx';

/** Kinds of actors that are machines of the catalogue. */
const MACHINES = new Set(['connection', 'login', 'feed', 'lease', 'link', 'supervisor']);

/** One actor: where it is, what it did, and its chart with both lit. A slider steps back through what it did. */
export function ActorPanel({ path }: { readonly path: string }): JSX.Element {
  const actor = useResource<ActorDetail>(`api/state/${path.split('/').map(encodeURIComponent).join('/')}`, { everyMs: 1_000 });
  return <Shown of={actor}>{(detail) => <Actor actor={detail} />}</Shown>;
}

function Actor({ actor }: { readonly actor: ActorDetail }): JSX.Element {
  const now = useNow();
  /** How far back one looks; 0 is now. */
  const [back, setBack] = useState(0);
  // What the machine had no transition for moves nothing; the list shows it.
  const steps = useMemo(() => actor.transitions.filter(({ edges }) => edges.length > 0), [actor.transitions]);
  const step = steps[Math.min(back, Math.max(0, steps.length - 1))];
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
                  onInput={(event) => setBack(steps.length - 1 - Number(event.currentTarget.value))}
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
        </section>
        {actor.context && (
          <section>
            <h3>{text.context}</h3>
            <dl class="facts">
              {Object.entries(actor.context).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
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
              <a href={hrefOf('system', child.path)}>{child.path}</a> <span class="hint">{child.state}</span>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
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
      {all.map((one, index) => (
        <li key={`${one.at} ${one.event} ${index}`} class={one === shown ? 'shown' : ''}>
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

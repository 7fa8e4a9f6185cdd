import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Badge, Empty } from '../bits.tsx';
import { clockTime, count, duration, moment } from '../format.ts';
import { useResource } from '../resource.ts';
import type { EdgeName, JobEvent } from '../shapes.ts';
import { edgeOfStep } from '../taken-edge.ts';
import { text } from '../texts.ts';
import { Chart, type Lit } from './chart.tsx';

/** Lines shown before and after the one that is looked at: a long job has thousands. */
const AROUND = 100;
/** How long a whole replay takes at most, and one step, in ms. */
const REPLAY_MS = 20_000;
const STEP_MS = 500;

/** All that happened to a job, along its machine: a slider goes through its events, each lights where it led and the way there. */
export function JobReplay({ events }: { readonly events: readonly JobEvent[] }): JSX.Element {
  const machine = useResource<{ readonly edges: readonly EdgeName[] }>('api/machines/job');
  /** Undefined follows what happens. */
  const [chosen, setChosen] = useState<number>();
  const last = events.length - 1;
  const at = Math.min(chosen ?? last, last);
  const step = events[at];
  const playing = usePlaying(at, last, setChosen);
  const lit = useMemo<Lit>(() => {
    const edge = step && edgeOfStep(machine.value?.edges ?? [], step);
    return { state: step?.to, edges: edge ? [edge] : [] };
  }, [step, machine.value]);
  if (step === undefined) return <Empty title={text.historyEmpty} />;
  const choose = (index: number): void => {
    playing.stop();
    setChosen(index >= last ? undefined : index);
  };
  return (
    <div class="columns replay">
      <section>
        <p class="row">
          <button type="button" class="quiet" disabled={last === 0} onClick={playing.toggle}>
            {playing.on ? text.pauseReplay : text.playReplay}
          </button>
          <label class="slider">
            {text.jobReplayHow}
            <input
              type="range"
              min={0}
              max={last}
              value={at}
              aria-valuetext={`${step.event}, ${moment(step.at)}`}
              onInput={(event) => choose(Number(event.currentTarget.value))}
            />
          </label>
        </p>
        <p class="step">
          <strong>{text.stepOf(count(at + 1), count(events.length))}</strong> <code>{step.event}</code> <Badge state={step.to} />
          <span>
            {moment(step.at)} <span class="hint">+{exactly(sinceStart(events, step.at))}</span>
          </span>
          <Detail detail={step.detail} />
        </p>
        <Chart machine="job" lit={lit} />
      </section>
      <Lines events={events} at={at} onChoose={choose} />
    </div>
  );
}

function Lines({
  events,
  at,
  onChoose,
}: {
  readonly events: readonly JobEvent[];
  readonly at: number;
  readonly onChoose: (index: number) => void;
}): JSX.Element {
  const first = Math.max(0, Math.min(at - AROUND, events.length - 2 * AROUND - 1));
  const shown = events.slice(first, first + 2 * AROUND + 1);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    // Inside of its own list: the page stays where it is.
    const frame = list.current;
    const line = frame?.querySelector<HTMLElement>('.shown');
    if (!frame || !line) return;
    const top = line.offsetTop - frame.offsetTop;
    if (top < frame.scrollTop) frame.scrollTop = top;
    else if (top + line.offsetHeight > frame.scrollTop + frame.clientHeight)
      frame.scrollTop = top + line.offsetHeight - frame.clientHeight;
  }, [at, first]);
  return (
    <section>
      {shown.length < events.length && (
        <p class="hint">{text.linesShown(count(first + 1), count(first + shown.length), count(events.length))}</p>
      )}
      <ol class="timeline lines" ref={list}>
        {shown.map(({ id, event, from, to, at: when, detail }, index) => (
          <li key={id} class={first + index === at ? 'shown' : ''}>
            <button
              type="button"
              class="line"
              aria-current={first + index === at ? 'step' : undefined}
              onClick={() => onChoose(first + index)}
            >
              <time dateTime={when}>{clockTime(when)}</time> <span class="hint">+{exactly(sinceStart(events, when))}</span>{' '}
              <strong>{event}</strong>{' '}
              {from !== to && (
                <>
                  <Badge state={from} /> →{' '}
                </>
              )}
              <Badge state={to} /> <Detail detail={detail} />
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** How far it was, or why it was so. */
function Detail({ detail }: { readonly detail: JobEvent['detail'] }): JSX.Element | null {
  const { done, total, error } = detail;
  if (typeof done === 'number')
    return (
      <span class="hint">
        {count(done)}
        {typeof total === 'number' && <> / {count(total)}</>}
      </span>
    );
  return error === undefined ? null : (
    <span class="hint">
      {error.message} <code>{error.code}</code>
    </span>
  );
}

/** Steps through the events by itself, from the first where it stood at the last. */
function usePlaying(at: number, last: number, setChosen: (index: number | undefined) => void) {
  const [on, setOn] = useState(false);
  const place = useRef(at);
  place.current = at;
  const end = useRef(last);
  end.current = last;
  useEffect(() => {
    if (!on) return;
    const stepMs = Math.min(STEP_MS, REPLAY_MS / Math.max(1, end.current));
    // What is faster than a picture goes several steps at once.
    const frameMs = Math.max(50, stepMs);
    const stride = Math.max(1, Math.round(frameMs / stepMs));
    const timer = setInterval(() => {
      const next = place.current + stride;
      if (next < end.current) return setChosen(next);
      setChosen(undefined);
      setOn(false);
    }, frameMs);
    return () => clearInterval(timer);
  }, [on, setChosen]);
  return {
    on,
    stop: () => setOn(false),
    toggle: () => {
      if (!on && place.current >= end.current) setChosen(0);
      setOn(!on);
    },
  };
}

/** How long after a job's beginning, in ms. */
function sinceStart(events: readonly JobEvent[], at: string): number {
  return Math.max(0, Date.parse(at) - Date.parse(events[0]?.at ?? at));
}

/** `412 ms`, `12.3 s`, then as everywhere. */
function exactly(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${count(Math.round(ms / 100) / 10)} s` : duration(ms);
}

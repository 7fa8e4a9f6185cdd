import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Badge, Fact } from '../bits.tsx';
import { ago, count, duration } from '../format.ts';
import { Figure } from '../plot.tsx';
import { processHref } from '../process-place.ts';
import { useNow } from '../resource.ts';
import type { ProcessRow } from '../shapes.ts';
import { text } from '../texts.ts';

/** How late an event loop may be before that is told by a colour, in ms. */
const LATE_MS = 100;
/** How many of the last answers a plot has: two minutes. */
const SAMPLES = 60;

/** Which process one looks into: each with who it is, what it does, how it gets on, and how old that is. */
export function ProcessChooser({
  processes,
  chosen,
  readAt,
}: {
  readonly processes: readonly ProcessRow[];
  readonly chosen: ProcessRow | undefined;
  /** When the list came, ms since the Unix epoch. */
  readonly readAt: number;
}): JSX.Element {
  const silent = processes.filter(({ stale }) => stale).length;
  return (
    <section aria-label={text.processes}>
      <h2>
        {text.processes} <span class="hint">{text.processCount(processes.length, silent)}</span>
      </h2>
      <ul class="processes">
        {processes.map((one) => (
          <li key={one.id}>
            <a
              class={`process ${one.stale ? 'stale-process' : ''}`}
              href={processHref(one.self ? undefined : one.id)}
              aria-current={one.id === chosen?.id ? 'true' : undefined}
            >
              <strong>
                {one.role} <span class="hint">{one.self ? text.thisProcess : `${one.host} · ${one.pid}`}</span>
              </strong>
              <span class="hint">{one.accounts.length > 0 ? text.serves(shortList(one.accounts)) : one.id.slice(0, 8)}</span>
              {one.stale ? <SilentFor process={one} readAt={readAt} /> : <Pulse process={one} />}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function SilentFor({ process, readAt }: { readonly process: ProcessRow; readonly readAt: number }): JSX.Element {
  const now = useNow();
  return <Badge state="silent" tone="bad" word={text.silentFor(duration(process.seenAgoMs + Math.max(0, now - readAt)))} />;
}

function Pulse({ process: { lag, busy, seenAgoMs, self } }: { readonly process: ProcessRow }): JSX.Element {
  return (
    <span class={`hint ${lag.maxMs >= LATE_MS ? 'late' : ''}`}>
      {self ? text.now : ago(seenAgoMs)} · {text.lag} {milliseconds(lag.p99Ms)} · {percent(busy)}
    </span>
  );
}

/** How many processes there are, and which of them are silent; nothing where this one is alone. */
export function ProcessesCard({ processes }: { readonly processes: readonly ProcessRow[] }): JSX.Element | null {
  if (processes.length < 2) return null;
  const silent = processes.filter(({ stale }) => stale);
  const tone = silent.length > 0 ? 'bad' : 'good';
  return (
    <li class={`card ${tone}`}>
      <h3>
        <a href={processHref(undefined)}>{text.processes}</a>{' '}
        <Badge state="processes" tone={tone} word={text.processCount(processes.length, silent.length)} />
      </h3>
      {silent.length === 0 ? (
        <p class="hint">{processes.map(({ role }) => role).join(', ')}</p>
      ) : (
        silent.slice(0, 5).map(({ id, role, host, pid, seenAgoMs }) => (
          <p key={id} class="advice">
            <a href={processHref(id)}>
              {role} {host} · {pid}
            </a>{' '}
            {text.silentFor(duration(seenAgoMs))}
          </p>
        ))
      )}
    </li>
  );
}

/** That what one sees is of then. */
export function StaleBanner({
  process,
  seenAgoMs,
  readAt,
}: {
  readonly process: ProcessRow | undefined;
  readonly seenAgoMs: number;
  readonly readAt: number;
}): JSX.Element {
  const now = useNow();
  const age = duration(seenAgoMs + Math.max(0, now - readAt));
  return (
    <p class="trouble" role="alert">
      <strong>{text.staleTree(age)}</strong> {process && text.staleAdvice(process.role, process.host, process.pid)}
    </p>
  );
}

/** One process: who it is, and how it gets on since the page was opened. */
export function ProcessPanel({ process, readAt }: { readonly process: ProcessRow; readonly readAt: number }): JSX.Element {
  const samples = useSamples(process, readAt);
  const { lag, memory } = process;
  return (
    <article>
      <h2>
        {process.role} <code>{process.id}</code>
      </h2>
      <div class="plots">
        <Figure title={text.lagWorst} value={milliseconds(lag.maxMs)} values={samples.map(({ lag }) => lag.maxMs)} />
        <Figure title={text.busy} value={percent(process.busy)} values={samples.map(({ busy }) => busy * 100)} />
        <Figure
          title={text.memory}
          value={megabytes(memory.rssBytes)}
          values={samples.map(({ memory }) => memory.rssBytes / 1e6)}
        />
      </div>
      <dl class="facts">
        <Fact name={text.host} value={process.host} />
        <Fact name={text.pid} value={String(process.pid)} />
        <Fact name={text.version} value={process.version} />
        <Fact name={text.uptime} value={duration(Math.max(0, readAt - process.startedAt))} />
        <Fact name={text.lag} value={`${milliseconds(lag.p50Ms)} · ${milliseconds(lag.p99Ms)} · ${milliseconds(lag.maxMs)}`} />
        <Fact name={text.heap} value={megabytes(memory.heapUsedBytes)} />
        {process.accounts.length > 0 && <Fact name={text.accountsTitle} value={process.accounts.join(', ')} />}
      </dl>
      <p class="hint">{text.lagHow}</p>
    </article>
  );
}

/** @returns how the process was with each of the last answers */
function useSamples(process: ProcessRow, readAt: number): readonly ProcessRow[] {
  const [samples, setSamples] = useState<readonly ProcessRow[]>([]);
  useEffect(() => {
    setSamples((before) => [...before.filter(({ id }) => id === process.id).slice(1 - SAMPLES), process]);
  }, [readAt, process.id]);
  return samples;
}

function shortList(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} +${count(names.length - 3)}`;
}

function milliseconds(ms: number): string {
  return `${count(ms >= 10 ? Math.round(ms) : ms)} ms`;
}

function megabytes(bytes: number): string {
  return `${count(Math.round(bytes / 1e6))} MB`;
}

function percent(part: number): string {
  return `${count(Math.round(part * 1000) / 10)} %`;
}

import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from './api.ts';
import { ago, duration } from './format.ts';
import { type Resource, useNow } from './resource.ts';
import { stateWord, text } from './texts.ts';

/** How well a state is: for its colour, which never says anything alone. */
export type Tone = 'good' | 'busy' | 'bad' | 'idle';

const GOOD = new Set(['authenticated', 'up', 'completed', 'ok']);
const BAD = new Set(['reauth-required', 'deactivated', 'conflict', 'failed', 'down', 'read-only', 'unserved']);
const IDLE = new Set(['cancelled', 'queued', 'stopped', 'unknown']);

export function toneOf(state: string): Tone {
  if (GOOD.has(state)) return 'good';
  if (BAD.has(state)) return 'bad';
  return IDLE.has(state) ? 'idle' : 'busy';
}

/** A state in a word and a colour. */
export function Badge({
  state,
  tone = toneOf(state),
  word = stateWord(state),
}: {
  readonly state: string;
  readonly tone?: Tone;
  readonly word?: string;
}): JSX.Element {
  return (
    <span class={`badge ${tone}`} title={state}>
      {word}
    </span>
  );
}

/** How long ago, kept true. */
export function Age({ at }: { readonly at: number }): JSX.Element {
  const now = useNow();
  return <time dateTime={new Date(at).toISOString()}>{ago(now - at)}</time>;
}

/** Since when, kept true. */
export function Since({ at }: { readonly at: number }): JSX.Element {
  const now = useNow();
  return <time dateTime={new Date(at).toISOString()}>{text.since(duration(now - at))}</time>;
}

/** One of a list of facts. */
export function Fact({ name, value }: { readonly name: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

export function Trouble({ error, onRetry }: { readonly error: ApiError; readonly onRetry?: () => void }): JSX.Element {
  const message = error.status === 0 ? text.unreachable : error.status === 403 ? text.needsScope : error.message;
  return (
    <p class="trouble" role="alert">
      <strong>{message}</strong> <code>{error.code}</code>
      {error.field !== undefined && <> ({error.field})</>}
      {onRetry && (
        <button type="button" class="quiet" onClick={onRetry}>
          {text.retry}
        </button>
      )}
    </p>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <p>
        <strong>{title}</strong>
      </p>
      {children}
    </div>
  );
}

/** What a resource has to show: while it is asked for, when it failed, and when it is old. */
export function Shown<T>({
  of,
  freshMs = 15_000,
  children,
}: {
  readonly of: Resource<T>;
  /** Older than this, its age is told, in ms. */
  readonly freshMs?: number;
  readonly children: (value: T) => ComponentChildren;
}): JSX.Element {
  const now = useNow();
  // That nobody answers is told once, for the whole page.
  const told = of.error && of.error.status !== 0 ? <Trouble error={of.error} onRetry={of.refresh} /> : undefined;
  if (of.value === undefined) return told ?? <Loading />;
  const ageMs = now - of.at;
  return (
    <>
      {told}
      {of.error && ageMs > freshMs && <p class="stale">{text.stale(duration(ageMs))}</p>}
      {children(of.value)}
    </>
  );
}

export function Loading(): JSX.Element {
  return (
    <p class="loading" role="status">
      {text.loading}
    </p>
  );
}

/** Asks before it does what cannot be undone. */
export function SureButton({
  sure,
  onSure,
  disabled,
  children,
  kind = 'quiet',
}: {
  readonly sure: string;
  readonly onSure: () => void;
  readonly disabled?: boolean;
  readonly children: ComponentChildren;
  readonly kind?: string;
}): JSX.Element {
  return (
    <button
      type="button"
      class={kind}
      disabled={disabled ?? false}
      onClick={() => {
        if (confirm(sure)) onSure();
      }}
    >
      {children}
    </button>
  );
}

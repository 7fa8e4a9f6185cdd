import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../api.ts';
import { Trouble } from '../bits.tsx';
import { useIsAdmin } from '../caller.ts';
import { useAct } from '../resource.ts';
import type { ActOffer, ActorDetail, ActorNode, ActRow } from '../shapes.ts';
import { text } from '../texts.ts';

type Report = ActRow & { readonly audited: 'now' | 'later' };

/** What somebody who may can do with an actor as it is: each asks before it does it, and says what came of it. */
export function ActPanel({
  actor,
  process,
  onDone,
}: {
  readonly actor: ActorDetail;
  readonly process: string | undefined;
  readonly onDone: () => void;
}): JSX.Element | null {
  const isAdmin = useIsAdmin();
  const [wish, setWish] = useState<ActOffer>();
  const [report, setReport] = useState<Report>();
  const doing = useAct();
  // Who has not been heard of for a while does not hear either.
  const offers = actor.stale === true ? [] : (actor.acts ?? []);
  if (!isAdmin || (offers.length === 0 && report === undefined && doing.error === undefined)) return null;

  const carryOut = (offer: ActOffer, reason: string): void => {
    setWish(undefined);
    setReport(undefined);
    doing.run(async () => {
      const more = { ...(reason !== '' && { reason }), ...(process !== undefined && { process }) };
      try {
        setReport(await ask<Report>('api/acts', { method: 'POST', body: { actor: actor.path, ...offer, ...more } }));
      } finally {
        onDone();
      }
    });
  };
  return (
    <fieldset class="act-panel">
      <legend class="unseen">{text.actOn}</legend>
      <div class="row">
        {offers.map((offer) => (
          <button
            type="button"
            key={labelOf(offer)}
            class={offer === wish ? 'chosen' : 'quiet'}
            disabled={doing.busy}
            aria-expanded={sameOffer(offer, wish)}
            onClick={() => setWish(sameOffer(offer, wish) ? undefined : offer)}
          >
            {labelOf(offer)}
          </button>
        ))}
        {doing.busy && (
          <span class="hint" role="status">
            {text.loading}
          </span>
        )}
      </div>
      {wish && <Sure key={labelOf(wish)} offer={wish} actor={actor} onSure={carryOut} onCancel={() => setWish(undefined)} />}
      {doing.error && <Trouble error={doing.error} />}
      {report && !doing.busy && <Outcome report={report} />}
    </fieldset>
  );
}

/** Asks before it is done, and says what it means. */
function Sure({
  offer,
  actor,
  onSure,
  onCancel,
}: {
  readonly offer: ActOffer;
  readonly actor: ActorDetail;
  readonly onSure: (offer: ActOffer, reason: string) => void;
  readonly onCancel: () => void;
}): JSX.Element {
  const [reason, setReason] = useState('');
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const below = offer.act === 'send' ? 0 : countBelow(actor);
  const name = actor.path.slice(actor.path.lastIndexOf('/') + 1);
  return (
    <form
      class={`sure ${offer.act}`}
      onSubmit={(event) => {
        event.preventDefault();
        onSure(offer, reason.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onCancel();
      }}
    >
      <p>
        <strong>{text.actSure(labelOf(offer), name)}</strong> {meaningOf(offer)} {below > 0 && text.actBranch(below)}
      </p>
      <label>
        {text.actWhy}
        <input ref={first} value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <p class="row">
        <button type="submit">{`${labelOf(offer)}: ${text.yes}`}</button>
        <button type="button" class="quiet" onClick={onCancel}>
          {text.cancel}
        </button>
      </p>
    </form>
  );
}

function Outcome({ report }: { readonly report: Report }): JSX.Element {
  const label = labelOf(report);
  const isDone = report.outcome === 'done';
  return (
    <p class={`outcome ${isDone ? 'good' : 'busy'}`} role="status">
      {isDone ? text.actDone(label) : text.actUnderWay(label)}{' '}
      {report.audited === 'later' && <span class="advice">{text.actLater}</span>}
    </p>
  );
}

/** @returns what an act is called: an event by what it does */
export function labelOf({ act, event }: { readonly act: string; readonly event?: string | null }): string {
  if (event != null) return text.actEvent[event] ?? `${text.actName.send} ${event}`;
  return text.actName[act] ?? act;
}

function meaningOf({ act, event }: ActOffer): string {
  return (event === undefined ? text.actWhat[act] : text.actEventWhat[event]) ?? '';
}

function sameOffer(one: ActOffer, other: ActOffer | undefined): boolean {
  return other !== undefined && one.act === other.act && one.event === other.event;
}

function countBelow({ children }: ActorNode): number {
  return children.reduce((sum, child) => sum + 1 + countBelow(child), 0);
}

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Age, Shown } from '../bits.tsx';
import { useIsAdmin } from '../caller.ts';
import { onEvent } from '../live.ts';
import { processHref } from '../process-place.ts';
import { useResource } from '../resource.ts';
import type { ActRow } from '../shapes.ts';
import { text } from '../texts.ts';
import { labelOf } from './act-panel.tsx';

const TONES: Readonly<Record<string, string>> = { done: 'good', wanted: 'busy', 'under-way': 'busy', refused: 'idle' };
const PAGE = 10;

/** What of it is shown. */
interface Wanted {
  /** To this actor, and to those below it. @default to all, and to dead letters */
  readonly actor?: string;
  /** @default of all */
  readonly process: string | undefined;
}

/** What people did, the last first; for admins. */
export function Acts(wanted: Wanted): JSX.Element | null {
  return useIsAdmin() ? <List {...wanted} /> : null;
}

function List({ actor, process }: Wanted): JSX.Element {
  const [limit, setLimit] = useState(PAGE);
  const query = new URLSearchParams({ limit: String(limit) });
  if (actor !== undefined) query.set('actor', actor);
  if (process !== undefined) query.set('process', process);
  const list = useResource<{ readonly acts: readonly ActRow[]; readonly next: unknown }>(`api/acts?${query}`, {
    everyMs: 15_000,
  });
  const refresh = useRef(list.refresh);
  refresh.current = list.refresh;
  // Also what somebody else does shows as it is done.
  useEffect(() => onEvent(({ topic }) => topic.startsWith('act.') && refresh.current()), []);
  return (
    <section class="acts" aria-label={text.acts}>
      <h3>{text.acts}</h3>
      <Shown of={list}>
        {({ acts, next }) =>
          acts.length === 0 ? (
            <p class="hint">{text.actsEmpty}</p>
          ) : (
            <>
              <p class="hint">{text.actsMore}</p>
              <ol class="list">
                {acts.map((act) => (
                  <Row key={act.id} act={act} process={process} isOfOne={act.actor === actor} />
                ))}
              </ol>
              {next !== null && limit < 200 && (
                <button type="button" class="quiet" onClick={() => setLimit(Math.min(200, limit * 2))}>
                  {text.older}
                </button>
              )}
            </>
          )
        }
      </Shown>
    </section>
  );
}

function Row({
  act,
  process,
  isOfOne,
}: {
  readonly act: ActRow;
  readonly process: string | undefined;
  readonly isOfOne: boolean;
}): JSX.Element {
  const { actor, outcome, by, reason, why, code, detail } = act;
  return (
    <li>
      <span class={`badge ${TONES[outcome] ?? 'bad'}`}>{text.actOutcome[outcome] ?? outcome}</span>
      <strong>{labelOf(act)}</strong>
      {actor !== null && !isOfOne && <a href={processHref(process, actor)}>{actor}</a>}
      {detail?.done !== undefined && <span>{detail.done}</span>}
      <Age at={Date.parse(act.at)} />
      <span class="hint">
        {text.actBy(by.id)}
        {by.address !== null && `, ${by.address}`}
      </span>
      {reason !== null && <p class="reason">“{reason}”</p>}
      {why !== null && (
        <p class="hint">
          {why} {code !== null && <code>{code}</code>}
        </p>
      )}
    </li>
  );
}

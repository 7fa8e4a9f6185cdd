import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { Shown, type Tone } from '../bits.tsx';
import { count, duration } from '../format.ts';
import { inOurTime, type Told } from '../our-time.ts';
import { hrefOf } from '../place.ts';
import { processHref, processPlaceOf, statePathOf } from '../process-place.ts';
import { useNow, useResource } from '../resource.ts';
import type { ActorNode, ProcessRow } from '../shapes.ts';
import { text } from '../texts.ts';
import { ActorPanel } from './actor.tsx';
import { Acts } from './acts.tsx';
import { Chart } from './chart.tsx';
import { ProcessChooser, ProcessPanel, StaleBanner } from './processes.tsx';

interface MachineRow {
  readonly id: string;
  readonly purpose: string;
  readonly states: number;
  readonly transitions: number;
}

/** The processes, the supervision tree of one of them, one of its actors, and the machines as they are built. */
export function System({ what }: { readonly what: string }): JSX.Element {
  const { process, path } = processPlaceOf(what);
  const processes = useResource<{ readonly processes: readonly ProcessRow[] }>('api/processes', { everyMs: 2_000 });
  const tree = useResource<ActorNode & Told>(statePathOf(process), { everyMs: 2_000 });
  const machine = path.startsWith('machines/') ? path.slice('machines/'.length) : undefined;
  const rows = processes.value?.processes ?? [];
  const chosen = rows.find(({ id, self }) => (process === undefined ? self : id === process));
  const told = useMemo(() => tree.value && { ...tree, value: inOurTime(tree.value, tree.at) }, [tree.value, tree.at]);
  const stale = tree.value?.stale === true;
  return (
    <>
      <h1>{text.views.system}</h1>
      <Shown of={processes}>
        {({ processes: all }) => <ProcessChooser processes={all} chosen={chosen} readAt={processes.at} />}
      </Shown>
      {stale && <StaleBanner process={chosen} seenAgoMs={tree.value?.seenAgoMs ?? 0} readAt={tree.at} />}
      <div class="columns system">
        <section aria-label={text.tree}>
          <h2>{text.tree}</h2>
          <Shown of={told ?? tree}>
            {(root) => (
              <ul class={stale ? 'tree of-then' : 'tree'}>
                <Branch node={root} chosen={path} process={process} />
              </ul>
            )}
          </Shown>
          <Machines chosen={machine} />
        </section>
        <section class={stale && machine === undefined ? 'of-then' : ''}>
          {machine !== undefined ? (
            <Chart key={machine} machine={machine} />
          ) : path !== '' ? (
            <ActorPanel key={what} path={path} process={process} />
          ) : (
            <>
              {chosen && <ProcessPanel key={chosen.id} process={chosen} readAt={processes.at} />}
              <p class="hint">{text.treeHow}</p>
              <Acts process={process} />
            </>
          )}
        </section>
      </div>
    </>
  );
}

/** How well an actor is, by its state and its past. */
function actorTone({ state, nextStartAt, lastExit }: ActorNode): Tone {
  if (nextStartAt !== undefined || /quarantined|waiting|failing/.test(state.split('.')[0] ?? '')) return 'bad';
  if (/suspended|down|empty/.test(state)) return 'idle';
  if (/reauth|conflict|deactivated|lost|backoff|disconnected/.test(state)) return 'bad';
  return lastExit?.reason === 'failure' && Date.now() - lastExit.at < 60_000 ? 'busy' : 'good';
}

function Branch({
  node,
  chosen,
  process,
}: {
  readonly node: ActorNode;
  readonly chosen: string;
  readonly process: string | undefined;
}): JSX.Element {
  const [open, setOpen] = useState(true);
  const now = useNow();
  const name = node.path.slice(node.path.lastIndexOf('/') + 1);
  const tone = actorTone(node);
  return (
    <li>
      <div class={`actor ${tone}`}>
        {node.children.length > 0 ? (
          <button type="button" class="fold" aria-expanded={open} aria-label={name} onClick={() => setOpen(!open)}>
            {open ? '▾' : '▸'}
          </button>
        ) : (
          <span class="fold" />
        )}
        <a href={processHref(process, node.path)} aria-current={node.path === chosen ? 'true' : undefined}>
          <strong>{name}</strong> <span class="hint">{node.kind}</span>
        </a>
        <span class="state" title={node.state}>
          {shortState(node.state)}
        </span>
        {node.restarts > 0 && <span class="badge busy">{text.restarts(node.restarts)}</span>}
        {node.nextStartAt !== undefined && (
          <span class="badge bad">{text.nextStart(text.in(duration(node.nextStartAt - now)))}</span>
        )}
        {(node.queued ?? 0) > 0 && <span class="badge busy">{text.queued(count(node.queued ?? 0))}</span>}
        {node.events.perSecond >= 1 && <span class="hint">{count(Math.round(node.events.perSecond))}/s</span>}
      </div>
      {open && node.children.length > 0 && (
        <ul>
          {node.children.map((child) => (
            <Branch key={child.path} node={child} chosen={chosen} process={process} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** In the tree a state is told by its outermost name; the whole of it is one look away. */
function shortState(state: string): string {
  return state.replace(/^serving\.running$/, 'running').replace(/\(.*$/, '');
}

function Machines({ chosen }: { readonly chosen: string | undefined }): JSX.Element {
  const machines = useResource<{ readonly machines: readonly MachineRow[] }>('api/machines');
  return (
    <>
      <h2>{text.machines}</h2>
      <p class="hint">{text.machinesHow}</p>
      <Shown of={machines}>
        {({ machines }) => (
          <ul class="list">
            {machines.map(({ id, purpose }) => (
              <li key={id}>
                <a href={hrefOf('system', `machines/${id}`)} aria-current={id === chosen ? 'true' : undefined}>
                  <strong>{id}</strong>
                </a>{' '}
                <span class="hint">{purpose}</span>
              </li>
            ))}
          </ul>
        )}
      </Shown>
    </>
  );
}

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { activeStates } from '../active-states.ts';
import { Loading, Trouble } from '../bits.tsx';
import { useResource } from '../resource.ts';
import type { EdgeName } from '../shapes.ts';
import { text } from '../texts.ts';

/** What of a chart is lit. */
export interface Lit {
  /** The machine's state; undefined lights none. */
  readonly state: string | undefined;
  /** The transitions that were taken last. */
  readonly edges: readonly EdgeName[];
}

const KINDS = ['event', 'after', 'always', 'done', 'error'] as const;
const LEAST = 0.15;
const MOST = 3;

/** A machine's chart with what is lit in it. One can zoom (buttons, wheel with Ctrl, + and -) and scroll or drag. */
export function Chart({ machine, lit }: { readonly machine: string; readonly lit?: Lit }): JSX.Element {
  const drawing = useResource<string>(`api/machines/${machine}?format=svg`);
  const frame = useRef<HTMLElement>(null);
  const [zoom, setZoom] = useState<number>();

  useEffect(() => {
    const svg = frame.current && drawing.value !== undefined ? parsed(drawing.value) : undefined;
    if (!svg || !frame.current) return;
    frame.current.replaceChildren(svg);
    setZoom((before) => before ?? fitting(frame.current, svg));
  }, [drawing.value]);

  useEffect(() => {
    const svg = frame.current?.querySelector('svg');
    if (svg && zoom !== undefined) {
      svg.style.width = `${svg.viewBox.baseVal.width * zoom}px`;
      svg.style.height = `${svg.viewBox.baseVal.height * zoom}px`;
    }
  }, [zoom, drawing.value]);

  useEffect(() => {
    const svg = frame.current?.querySelector('svg');
    if (svg) light(svg, lit);
  }, [lit, drawing.value]);

  const scale = (factor: number): void => setZoom((before) => Math.min(MOST, Math.max(LEAST, (before ?? 1) * factor)));
  return (
    <div class="chart-view">
      <p class="row tools">
        <button type="button" class="quiet" aria-label={text.zoomOut} title={text.zoomOut} onClick={() => scale(1 / 1.25)}>
          −
        </button>
        <button type="button" class="quiet" aria-label={text.zoomIn} title={text.zoomIn} onClick={() => scale(1.25)}>
          +
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            const svg = frame.current?.querySelector('svg');
            if (svg) setZoom(fitting(frame.current, svg));
          }}
        >
          {text.fit}
        </button>
        <Legend />
      </p>
      {drawing.value === undefined && (drawing.error ? <Trouble error={drawing.error} onRetry={drawing.refresh} /> : <Loading />)}
      <section
        class="chart-frame"
        ref={frame}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and without a tab stop only with a mouse
        tabIndex={0}
        aria-label={`${text.chart}: ${machine}`}
        {...dragging(frame, scale)}
      />
    </div>
  );
}

function Legend(): JSX.Element {
  return (
    <span class="legend">
      <span class="key active">{text.legendActive}</span>
      <span class="key taken">{text.legendTaken}</span>
      {KINDS.map((kind) => (
        <span key={kind} class={`key ${kind}`}>
          {text.legendKinds[kind]}
        </span>
      ))}
    </span>
  );
}

/** Its style is the page's: one that a drawing brings along is not allowed here. */
function parsed(drawing: string): SVGSVGElement | undefined {
  const plain = drawing.replace(/<style>[\s\S]*?<\/style>/, '');
  const { documentElement } = new DOMParser().parseFromString(plain, 'image/svg+xml');
  if (documentElement.localName !== 'svg') return undefined;
  return document.importNode(documentElement, true) as unknown as SVGSVGElement;
}

function fitting(frame: HTMLElement | null, svg: SVGSVGElement): number {
  const { width } = svg.viewBox.baseVal;
  return Math.min(1, Math.max(LEAST, ((frame?.clientWidth ?? width) - 4) / width));
}

function light(svg: SVGSVGElement, lit: Lit | undefined): void {
  const active = lit?.state === undefined ? new Set<string>() : activeStates(lit.state);
  for (const one of svg.querySelectorAll<SVGElement>('[data-state]'))
    one.classList.toggle('active', active.has(one.dataset.state ?? ''));
  const taken = new Set((lit?.edges ?? []).map(({ from, on, branch }) => `${from} ${on} ${branch}`));
  for (const one of svg.querySelectorAll<SVGElement>('[data-edge]'))
    one.classList.toggle('taken', taken.has(one.dataset.edge ?? ''));
  for (const one of svg.querySelectorAll<SVGElement>('[data-edges]'))
    one.classList.toggle(
      'taken',
      (one.dataset.edges ?? '').split('|').some((key) => taken.has(key)),
    );
}

/** Dragging moves what is seen; Ctrl with the wheel zooms, as browsers do. */
function dragging(frame: { readonly current: HTMLElement | null }, scale: (factor: number) => void) {
  return {
    onWheel: (event: WheelEvent) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      scale(event.deltaY < 0 ? 1.1 : 1 / 1.1);
    },
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === '+') scale(1.25);
      if (event.key === '-') scale(1 / 1.25);
    },
    onPointerMove: (event: PointerEvent) => {
      if (event.buttons !== 1 || event.pointerType !== 'mouse' || !frame.current) return;
      frame.current.scrollLeft -= event.movementX;
      frame.current.scrollTop -= event.movementY;
    },
  };
}

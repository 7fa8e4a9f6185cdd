import type { JSX } from 'preact';

const WIDTH = 220;
const HEIGHT = 44;

interface FigureProps {
  readonly title: string;
  /** The newest value, in words. */
  readonly value: string;
  /** Oldest first; null where nothing is known. */
  readonly values: readonly (number | null)[];
}

/** A value with its name, and a small plot of how it was. */
export function Figure({ title, value, values }: FigureProps): JSX.Element {
  return (
    <figure>
      <figcaption>
        {title} <strong>{value}</strong>
      </figcaption>
      <Plot values={values} label={`${title}: ${value}`} />
    </figure>
  );
}

/**
 * A small plot of the last values, from 0 up.
 * @param values oldest first; null where nothing is known
 * @param label what it shows, with its newest value in words
 */
function Plot({ values, label }: { readonly values: readonly (number | null)[]; readonly label: string }): JSX.Element {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const x = (at: number): number => (values.length < 2 ? WIDTH : (at / (values.length - 1)) * WIDTH);
  const y = (value: number): number => HEIGHT - 2 - (value / most) * (HEIGHT - 6);
  let path = '';
  let pen = 'M';
  values.forEach((value, at) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = 'L';
  });
  return (
    <svg class="plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <line class="base" x1="0" x2={WIDTH} y1={HEIGHT - 2} y2={HEIGHT - 2} />
      <path d={path} />
    </svg>
  );
}

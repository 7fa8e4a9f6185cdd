import { encode, renderSVG } from 'uqr';

/** Light around it, in modules: what the standard asks for (ISO/IEC 18004). */
const QUIET = 4;
/** The same in a terminal, where lines are dear: readers do with less. */
const QUIET_IN_TERMINAL = 2;

/** @returns a text as a QR code, as an SVG image of its own */
export function qrSvg(text: string): string {
  return renderSVG(text, { ecc: 'M', border: QUIET, pixelSize: 8 });
}

/** Upper half, lower half, both, none of a character cell dark. */
const CELLS = { '11': '█', '10': '▀', '01': '▄', '00': ' ' } as const;

/**
 * @returns a text as a QR code of half blocks, two modules a character. Light is drawn and dark is left out, since most terminals are dark;
 *   readers take either
 */
export function qrLines(text: string): string[] {
  const { data, size } = encode(text, { ecc: 'L', border: QUIET_IN_TERMINAL });
  const isLight = (row: number, column: number): '0' | '1' => (row < size && data[row]?.[column] === false ? '1' : '0');
  return Array.from({ length: Math.ceil(size / 2) }, (_, line) =>
    Array.from({ length: size }, (_, column) => CELLS[`${isLight(2 * line, column)}${isLight(2 * line + 1, column)}`]).join(''),
  );
}

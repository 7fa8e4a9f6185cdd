/** How wide a text of a monospaced font is drawn, in px: such fonts are 0.6 em wide, whichever the reader has. */
export function textWidth(text: string, fontPx: number): number {
  return Math.ceil(text.length * fontPx * 0.602);
}

/** Size of a state's name, in px. */
export const NAME_PX = 13;
/** Size of everything else, in px. */
export const TEXT_PX = 11;
/** From one line of text to the next, in px. */
export const LINE_PX = 15;
/** Around a text in its box, in px. */
export const PADDING_PX = 10;

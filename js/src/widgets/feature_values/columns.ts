// Where each token stands in the matrix: all of them when they fit, else a window that scrolls and zooms.

const LEAST = 3; // pixels of a token before the window scrolls instead
const MOST = 44;
const LARGEST = 64;

export interface Columns {
  count: number;
  /** Pixels of the window, of one token, and how far the window is scrolled. */
  width: number;
  cell: number;
  scroll: number;
}

/** Zoom 0 is what reads best; each step doubles, as far out as the whole text in the window. */
export function columnsOf(count: number, width: number, zoom: number, scroll: number): Columns {
  const fit = width / Math.max(1, count);
  const base = Math.max(LEAST, Math.min(MOST, fit));
  const cell = Math.max(Math.min(fit, base), Math.min(LARGEST, base * 2 ** zoom));
  const most = Math.max(0, count * cell - width);
  return { count, width, cell, scroll: Math.max(0, Math.min(most, scroll)) };
}

/** Whether part of the text is outside the window. */
export function scrolls({ count, width, cell }: Columns): boolean {
  return count * cell > width + 0.5;
}

/** The token under a pixel of the window, or null beyond the last. */
export function tokenAt({ count, width, cell, scroll }: Columns, x: number): number | null {
  const at = Math.floor((x + scroll) / cell);
  return x < 0 || x >= width || at < 0 || at >= count ? null : at;
}

export function leftOf({ cell, scroll }: Columns, position: number): number {
  return position * cell - scroll;
}

/** The scroll that brings a token into the window; unchanged when it is there. */
export function revealed(columns: Columns, position: number): number {
  const { width, cell, scroll } = columns;
  const left = leftOf(columns, position);
  if (left >= 0 && left + cell <= width) return scroll;
  return Math.max(0, position * cell - width / 2);
}

/** What stands at each place of the window: values of tokens, or of pixels where tokens are narrower than one. */
export interface Mark {
  x: number;
  w: number;
  value: number;
}

/** A value before which others give way where they share a pixel, so that no bright cell vanishes. */
function weight(value: number): number {
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : Math.abs(value);
}

export function marksOf(columns: Columns, positions: ArrayLike<number>, values: ArrayLike<number>): Mark[] {
  const { cell, width } = columns;
  const out: Mark[] = [];
  for (let i = 0; i < positions.length; i++) {
    const x = leftOf(columns, positions[i]!);
    if (x + cell <= 0 || x >= width) continue;
    if (cell >= 1) {
      const from = Math.max(0, x);
      out.push({ x: from, w: Math.min(width, x + cell) - from, value: values[i]! });
      continue;
    }
    const pixel = Math.max(0, Math.floor(x));
    const last = out.at(-1);
    if (last?.x !== pixel) out.push({ x: pixel, w: 1, value: values[i]! });
    else if (weight(values[i]!) > weight(last.value)) last.value = values[i]!;
  }
  return out;
}

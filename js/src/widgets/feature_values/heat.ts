// Rows of the matrix as pictures: what a feature does along the text, by any pen.

import type { Scale } from "../../core/colour";
import { label } from "../../core/format";
import { drawSwatch, type Ends, swatchOf } from "../../core/linear";
import type { Pen } from "../../core/pen";
import { type Columns, leftOf, marksOf } from "./columns";

export const ROW = 24; // as the rows of core/rows
const GAP = 2; // between the rows, above and below a cell

export interface Strip {
  positions: ArrayLike<number>;
  values: ArrayLike<number>;
  ends: Ends;
  scale: Scale;
  /** Positions about which nothing can be said. */
  broken: readonly number[];
}

/** One row, its top at `y`. */
export function paintStrip(pen: Pen, columns: Columns, strip: Strip, y: number, height = ROW): void {
  // A hair between cells that are wide enough for it.
  const hair = columns.cell >= 6 ? 1 : 0;
  const put = (x: number, w: number, value: number) =>
    drawSwatch(
      pen,
      swatchOf(value, strip.ends, strip.scale),
      x,
      y + GAP,
      Math.max(0.5, w - hair),
      height - 2 * GAP,
    );
  for (const { x, w, value } of marksOf(columns, strip.positions, strip.values)) put(x, w, value);
  const nothing = new Float32Array(strip.broken.length).fill(Number.NaN);
  for (const { x, w } of marksOf(columns, strip.broken, nothing)) put(x, w, Number.NaN);
}

/** The lines around one token, through every row. */
export function paintBand(
  pen: Pen,
  columns: Columns,
  position: number,
  height: number,
  colour: string,
): void {
  const x = leftOf(columns, position);
  if (x + columns.cell <= 0 || x >= columns.width) return;
  const w = Math.max(2, columns.cell - (columns.cell >= 6 ? 1 : 0));
  for (const at of [x, x + w]) pen.line(at, 0, at, height, colour, 1);
}

export const HEAD = 58; // pixels of the tokens above the rows
const NARROWEST = 15; // of a column whose token is written

/** Whether there is room to write the tokens above the columns. */
export function written(columns: Columns): boolean {
  return columns.cell >= NARROWEST;
}

/** The tokens above their columns, slanted. */
export function paintHead(
  pen: Pen,
  columns: Columns,
  texts: readonly string[],
  ink: (position: number) => { colour: string; bold: boolean },
): void {
  const { cell, scroll, width, count } = columns;
  const first = Math.max(0, Math.floor(scroll / cell));
  const last = Math.min(count, Math.ceil((scroll + width) / cell));
  for (let i = first; i < last; i++) {
    const x = leftOf(columns, i) + cell / 2;
    if (x < 0 || x > width) continue;
    pen.text(x, HEAD - 7, label(texts[i] ?? "", 8), { ...ink(i), size: 11, mono: true, turn: -52 });
  }
}

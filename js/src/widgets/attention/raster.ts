// Codes to pixels: an off-screen canvas with one pixel per code, or fewer when the screen has fewer.

import { NOT_A_NUMBER, type Scale } from "../../core/colour";
import type { Box, Pen } from "../../core/pen";
import type { Picture, Range } from "./data";

/** Two codes of neighbouring cells as one: the one farther from zero, so that no bright cell vanishes. */
export function stronger(a: number, b: number, signed: boolean): number {
  if (!signed || a > 251 || b > 251) return Math.max(a, b);
  if (a === 0 || b === 0) return a + b;
  return Math.abs(a - 126) >= Math.abs(b - 126) ? a : b;
}

/** A part of a grid of codes. */
export interface Part {
  top: number;
  left: number;
  rows: number;
  columns: number;
}

/** A part of the codes with at most so many rows and columns. */
export function pooled(
  codes: Uint8Array,
  columns: number,
  part: Part,
  height: number,
  width: number,
  signed: boolean,
): Uint8Array {
  const out = new Uint8Array(width * height);
  for (let r = 0; r < part.rows; r++) {
    const y = Math.floor((r * height) / part.rows);
    const from = (part.top + r) * columns + part.left;
    if (height === part.rows && width === part.columns) {
      out.set(codes.subarray(from, from + width), y * width);
      continue;
    }
    for (let c = 0; c < part.columns; c++) {
      const at = y * width + Math.floor((c * width) / part.columns);
      out[at] = stronger(out[at]!, codes[from + c]!, signed);
    }
  }
  return out;
}

export function raster(
  codes: Uint8Array,
  columns: number,
  part: Part,
  most: { rows: number; columns: number },
  scale: Scale,
): HTMLCanvasElement {
  const height = Math.max(1, Math.min(part.rows, Math.round(most.rows)));
  const width = Math.max(1, Math.min(part.columns, Math.round(most.columns)));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d")!;
  const image = g.createImageData(width, height);
  const shown = pooled(codes, columns, part, height, width, scale.signed);
  for (let i = 0; i < shown.length; i++) {
    const code = shown[i]!;
    // Not-a-number is hatched: light and dark along the diagonals, whatever the zoom.
    const dim = code === NOT_A_NUMBER && (i + Math.floor(i / width)) % 2 === 0 ? 0.45 : 1;
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = scale.lut[4 * code + k]! * dim;
    image.data[4 * i + 3] = scale.lut[4 * code + 3]!;
  }
  g.putImageData(image, 0, 0);
  return canvas;
}

/** Pictures as canvases, kept while the same part is drawn: hovering redraws, it does not rasterise. */
export class Rasters {
  #kept = new WeakMap<Uint8Array, { key: string; scale: Scale; canvas: HTMLCanvasElement }>();

  /** Draw what a picture shows of the view into the plot. */
  draw(pen: Pen, picture: Picture, view: { q: Range; k: Range }, plot: Box, scale: Scale): void {
    const [q, k] = [common(picture.q, view.q), common(picture.k, view.k)];
    if (!q || !k) return;
    const perRow = picture.rows / (picture.q.stop - picture.q.start);
    const perColumn = picture.columns / (picture.k.stop - picture.k.start);
    const [top, left] = [(q.start - picture.q.start) * perRow, (k.start - picture.k.start) * perColumn];
    const [bottom, right] = [(q.stop - picture.q.start) * perRow, (k.stop - picture.k.start) * perColumn];
    const part = { top: Math.floor(top), left: Math.floor(left), rows: 0, columns: 0 };
    part.rows = Math.min(picture.rows, Math.ceil(bottom)) - part.top;
    part.columns = Math.min(picture.columns, Math.ceil(right)) - part.left;
    const cell = { w: plot.w / (view.k.stop - view.k.start), h: plot.h / (view.q.stop - view.q.start) };
    const to = {
      x: plot.x + (k.start - view.k.start) * cell.w,
      y: plot.y + (q.start - view.q.start) * cell.h,
      w: (k.stop - k.start) * cell.w,
      h: (q.stop - q.start) * cell.h,
    };
    const ratio = devicePixelRatio || 1;
    const canvas = this.#canvas(picture, part, { rows: to.h * ratio, columns: to.w * ratio }, scale);
    const [sy, sx] = [canvas.height / part.rows, canvas.width / part.columns];
    const from = {
      x: (left - part.left) * sx,
      y: (top - part.top) * sy,
      w: (right - left) * sx,
      h: (bottom - top) * sy,
    };
    pen.image(canvas, from, to);
  }

  #canvas(
    picture: Picture,
    part: Part,
    most: { rows: number; columns: number },
    scale: Scale,
  ): HTMLCanvasElement {
    const key = JSON.stringify([part, Math.round(most.rows), Math.round(most.columns)]);
    const known = this.#kept.get(picture.codes);
    if (known?.key === key && known.scale === scale) return known.canvas;
    const canvas = raster(picture.codes, picture.columns, part, most, scale);
    this.#kept.set(picture.codes, { key, scale, canvas });
    return canvas;
  }
}

function common(a: Range, b: Range): Range | null {
  const [start, stop] = [Math.max(a.start, b.start), Math.min(a.stop, b.stop)];
  return start < stop ? { start, stop } : null;
}

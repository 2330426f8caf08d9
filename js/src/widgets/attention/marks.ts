// What is no value carries a sign wherever a cell has room for it: not-a-number is hatched, infinities say which.

import { MINUS_INFINITY, NOT_A_NUMBER, PLUS_INFINITY } from "../../core/colour";
import type { Box, Pen } from "../../core/pen";
import type { Picture, Range } from "./data";

const LEAST = 7; // pixels: smaller cells have no room
const HATCH = "rgb(255 255 255 / 70%)";

export function drawMarks(pen: Pen, picture: Picture, view: { q: Range; k: Range }, plot: Box): void {
  const [w, h] = [plot.w / (view.k.stop - view.k.start), plot.h / (view.q.stop - view.q.start)];
  const cellByCell =
    picture.rows === picture.q.stop - picture.q.start && picture.columns === picture.k.stop - picture.k.start;
  if (!picture.marked || !cellByCell || Math.min(w, h) < LEAST) return;
  for (let i = Math.ceil(view.q.start); i < Math.min(view.q.stop, picture.q.stop); i++) {
    for (let j = Math.ceil(view.k.start); j < Math.min(view.k.stop, picture.k.stop); j++) {
      const code = picture.codes[(i - picture.q.start) * picture.columns + j - picture.k.start] ?? 0;
      const [x, y] = [plot.x + (j - view.k.start) * w, plot.y + (i - view.q.start) * h];
      if (code === NOT_A_NUMBER) {
        for (const part of [0.25, 0.5, 0.75, 1]) {
          pen.line(x, y + part * h, x + part * w, y, HATCH);
          if (part < 1) pen.line(x + part * w, y + h, x + w, y + part * h, HATCH);
        }
      } else if (code === PLUS_INFINITY || code === MINUS_INFINITY) {
        const text = code === PLUS_INFINITY ? "∞" : "−∞";
        pen.text(x + w / 2, y + h / 2, text, {
          colour: "#fff",
          size: Math.min(14, 0.55 * w),
          anchor: "middle",
        });
      }
    }
  }
}

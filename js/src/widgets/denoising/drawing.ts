// The view as a file: the text in the state shown, the run beneath it, and the status in words.

import { label } from "../../core/format";
import { drawSwatch, type Swatch } from "../../core/linear";
import { type Drawing, shifted } from "../../core/save";
import { stripDrawing } from "../../core/strip_drawing";
import type { Matrix } from "./matrix";

export interface Parts {
  title: string;
  strip: HTMLElement;
  matrix: Matrix;
  colours: { ink: string; quiet: string; pin: string };
  legend: string;
  status: string;
  pinned: number | null;
  swatch(position: number): Swatch | null;
  /** The guess at an open position, null where it is filled. */
  guess(position: number): string | null;
}

export function draw(parts: Parts): Drawing {
  const { ink, quiet, pin } = parts.colours;
  const { matrix } = parts;
  const text = stripDrawing(parts.strip);
  const height = 36 + text.height + 12 + matrix.height + 44;
  return {
    width: Math.ceil(24 + Math.max(text.width, matrix.width, 560, parts.status.length * 6.8)),
    height,
    paint: (pen) => {
      pen.text(12, 18, parts.title, { colour: ink, size: 13, bold: true });
      text.paint(shifted(pen, 12, 36), (to, { index, x, y, w }) => {
        const swatch = parts.swatch(index);
        if (swatch) drawSwatch(to, swatch, x + 1, y + 1, w - 2, 20);
        if (index === parts.pinned) to.rect(x, y, w, 22, { stroke: pin, width: 2, radius: 3 });
        const guess = parts.guess(index);
        if (guess === null) return swatch?.ink || ink;
        to.rect(x + 0.5, y + 0.5, w - 1, 21, { stroke: quiet, radius: 3 });
        const room = Math.max(1, Math.floor((w - 4) / 7.8));
        to.text(x + w / 2, y + 11, label(guess, room), {
          ...{ colour: swatch?.ink || quiet, size: 13, mono: true, anchor: "middle" },
        });
        return "transparent"; // what is still to come is not told
      });
      matrix.paint(shifted(pen, 12, 48 + text.height));
      pen.text(12, height - 30, parts.legend, { colour: quiet, size: 11 });
      pen.text(12, height - 12, parts.status, { colour: quiet, size: 11, mono: true });
    },
  };
}

// The view as a file: the pictures, the prototypes that add most, and the score sheet of each side.

import { digits } from "../../core/format";
import { type Drawing, shifted } from "../../core/save";
import { PATCHES } from "./list";
import type { SidePanel, SideState } from "./side";

const GAP = 24;
const MOST = 8;
const WORDS = 200;

export function drawingOf(
  states: readonly SideState[],
  sides: readonly SidePanel[],
  { ink, quiet }: { ink: string; quiet: string },
): Drawing {
  const list = 2 * PATCHES.side + 30 + WORDS;
  const parts = states.map((state, i) => {
    const { pictures, sheet } = sides[i]!;
    const rows = Math.min(MOST, state.reading.count);
    const tall = 20 + rows * PATCHES.row;
    return {
      width: Math.max(pictures.width, 2) + GAP + list + GAP + sheet.width,
      height: Math.max(pictures.height, tall, sheet.height),
      rows,
    };
  });
  return {
    width: Math.max(1, ...parts.map(({ width }) => width)),
    height: Math.max(
      1,
      parts.reduce((sum, { height }) => sum + height + GAP, -GAP),
    ),
    paint: (pen) => {
      let y = 0;
      states.forEach(({ reading }, i) => {
        const { pictures, list: rows, sheet } = sides[i]!;
        pictures.paint(shifted(pen, 0, y), quiet);
        const x = pictures.width + GAP;
        const title = `evidence for ${reading.info.classes[reading.class_]}`;
        pen.text(x, y + 9, title, { colour: quiet, size: 11 });
        reading.order.slice(0, parts[i]!.rows).forEach((p, r) => {
          const top = y + 20 + r * PATCHES.row;
          const canvas = document.createElement("canvas");
          const w = rows.paint(canvas, p, 2);
          const from = { x: 0, y: 0, w: canvas.width, h: canvas.height };
          pen.image(canvas, from, { x, y: top, w, h: PATCHES.side });
          pen.text(x + w + 12, top + 20, reading.name(p), { colour: ink, size: 12, bold: true });
          const value = reading.contribution(reading.class_, p);
          const sum = reading.info.grouped
            ? `similarity ${digits(reading.similarity(p))} = ${digits(value)}`
            : `${digits(reading.similarity(p))} × ${digits(reading.weight(reading.class_, p))} = ${digits(value)}`;
          pen.text(x + w + 12, top + 38, sum, { colour: quiet, size: 12, mono: true });
        });
        sheet.paint(shifted(pen, x + list + GAP, y));
        y += parts[i]!.height + GAP;
      });
    },
  };
}

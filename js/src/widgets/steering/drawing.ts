// The panel as one picture: sliders with their curves, the next token, the texts.

import { digits, label } from "../../core/format";
import type { Pen } from "../../core/pen";
import { type Drawing, shifted } from "../../core/save";
import type { Line, Range } from "./data";
import { shift } from "./next";
import type { RowState } from "./row";
import { HEIGHT, paintSlider } from "./slider";
import type { Column } from "./texts";

interface Parts {
  rows: { name: string; label: string; state: RowState; range: Range }[];
  lines: readonly Line[];
  legend: string;
  gauge: string;
  columns: readonly Column[];
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin" | "bg", string>;
}

const HALF = 420;
const GAP = 40;
const LETTERS = 58; // of a line of text in a column

/** Words broken into lines by their number of letters. */
export function wrapped(texts: readonly string[], most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const text of texts) {
    if (line && line.length + text.length > most) {
      lines.push(line);
      line = "";
    }
    line += line ? text : text.trimStart();
  }
  return line ? [...lines, line] : lines;
}

export function draw({ rows, lines, legend, gauge, columns, colours }: Parts): Drawing {
  const { ink, quiet, accent, pin } = colours;
  const texts = columns.map((column) => wrapped(column.written?.texts ?? [], LETTERS));
  const tall = Math.max(24 + rows.length * (HEIGHT + 26), 28 + lines.length * 20);
  const below = 40 + 18 * Math.max(0, ...texts.map((text) => text.length));
  const width = Math.max(2, columns.length) * (HALF + GAP) - GAP;
  const paintLines = (pen: Pen) => {
    const ceiling = Math.max(1e-6, ...lines.flatMap((line) => [line.before, ...line.after]));
    const length = (value: number) => Math.max(1, (190 * value) / ceiling);
    pen.text(0, 8, "next token: default grey, steered blue", { colour: quiet, size: 11 });
    lines.forEach(({ text, before, after, exact }, i) => {
      const y = 30 + 20 * i;
      pen.text(0, y, label(text, 12), { colour: ink, size: 12, mono: true });
      pen.rect(96, y - 6, length(before), 5, { fill: quiet, radius: 1 });
      after.forEach((value, v) => {
        pen.rect(96, y + 5 * v, length(value), 4, {
          ...(v ? { stroke: accent } : { fill: accent }),
          radius: 1,
        });
      });
      const said = `${digits(before)} → ${exact ? "" : "≈ "}${after.map(digits).join(" · ")}  ${shift(before, after[0]!)}`;
      pen.text(HALF, y, said, { colour: ink, size: 11, anchor: "end", mono: true });
    });
  };
  return {
    width,
    height: tall + below + 8,
    paint(pen) {
      pen.text(0, 8, legend, { colour: quiet, size: 11 });
      rows.forEach(({ name, label: words, state, range }, i) => {
        const y = 34 + i * (HEIGHT + 26);
        const value = state.value === null ? "off" : digits(state.value);
        pen.text(0, y, `${name}  ${label(words, 30)}`, { colour: ink, size: 12, bold: true });
        pen.text(HALF - 10, y, `${state.mode} ${value}`, {
          colour: ink,
          size: 12,
          anchor: "end",
          mono: true,
        });
        paintSlider(shifted(pen, 0, y + 8), HALF, { ...state, ...range });
      });
      paintLines(shifted(pen, HALF + GAP, 0));
      pen.text(0, tall + 12, gauge, { colour: quiet, size: 11 });
      columns.forEach(({ name }, c) => {
        const x = c * (HALF + GAP);
        pen.text(x, tall + 32, name, { colour: c ? accent : quiet, size: 12, bold: true });
        texts[c]!.forEach((line, i) => {
          pen.text(x, tall + 50 + 18 * i, line, {
            colour: c && !columns[0]?.written ? pin : ink,
            size: 12,
            mono: true,
          });
        });
      });
    },
  };
}

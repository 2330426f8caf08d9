// The view as a file: the text in view, the rows in view with their heat, the error, the legends, the status.

import { colourOf, type Scale } from "../../core/colour";
import { label } from "../../core/format";
import { css, drawSwatch, type Ends, type Swatch, shortly } from "../../core/linear";
import type { Pen } from "../../core/pen";
import { type Drawing, shifted } from "../../core/save";
import { stripDrawing } from "../../core/strip_drawing";
import type { Columns } from "./columns";
import type { Row } from "./data";
import { HEAD, paintBand, paintHead, paintStrip, ROW, type Strip, written } from "./heat";
import { named, type State } from "./state";

export interface Parts {
  title: string;
  about: string;
  status: string;
  state: State;
  strip: HTMLElement;
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin" | "bg", string>;
  columns: Columns;
  ground(index: number): Swatch | null;
  texts: readonly string[];
  rows: { row: Row; strip: Strip; value: string }[];
  error: Strip | null;
  errorColour: string;
  ends: Ends;
  scale: Scale;
  headInk(position: number): { colour: string; bold: boolean };
}

const PAD = 12;
const LEFT = 224; // of the names
const RIGHT = 64; // of the numbers
const LETTER = 6.8; // pixels of a letter at 11 pixels monospace: no line of words may be cut off
const BAR = 120;

export function draw(parts: Parts): Drawing {
  const { colours, columns, rows, error, state } = parts;
  const { position, order } = state;
  const { row: by } = state.colouring;
  const text = stripDrawing(parts.strip);
  const inner = Math.max(
    text.width,
    LEFT + columns.width + RIGHT,
    LETTER * Math.max(parts.status.length, parts.about.length),
  );
  const head = written(columns) ? HEAD : 18;
  const [top, body] = [36 + text.height + 24, ROW * rows.length];
  const foot = top + 22 + head + body + ROW + 16;
  const quiet = { colour: colours.quiet, size: 11 };
  return {
    width: Math.ceil(inner + 2 * PAD),
    height: foot + 64,
    paint: (pen) => {
      pen.text(PAD, 18, parts.title, { colour: colours.ink, size: 13, bold: true });
      text.paint(shifted(pen, PAD, 36), (at, { index, x, y, w, h }) => {
        const ground = parts.ground(index);
        if (ground) drawSwatch(at, ground, x + 1, y + 1, w - 2, h - 2);
        if (index === position) at.rect(x, y, w, h, { stroke: colours.pin, width: 2, radius: 3 });
        return ground?.ink || colours.ink;
      });
      pen.text(PAD, 36 + text.height + 10, by ? `coloured by feature ${named(by)}` : "", quiet);
      pen.text(PAD, top + 8, parts.about, quiet);
      const from = top + 22;
      pen.text(PAD, from + head - 9, "feature", quiet);
      pen.text(PAD + LEFT + columns.width + RIGHT - 8, from + head - 9, order, {
        ...quiet,
        anchor: "end",
      });
      const cells = shifted(pen, PAD + LEFT, from);
      if (written(columns)) paintHead(cells, columns, parts.texts, (i) => parts.headInk(i));
      const grid = shifted(pen, PAD, from + head);
      rows.forEach(({ row, strip, value }, i) => {
        line(grid, parts, i, row, value);
        paintStrip(shifted(pen, PAD + LEFT, from + head), columns, strip, i * ROW);
      });
      const last = shifted(pen, PAD, from + head + body);
      last.text(26, ROW / 2, "error", { colour: parts.errorColour, size: 12, bold: true, mono: true });
      if (error) paintStrip(shifted(pen, PAD + LEFT, from + head + body), columns, error, 0);
      last.line(0, 0, LEFT + columns.width + RIGHT, 0, colours.line);
      if (position !== null)
        paintBand(shifted(pen, PAD + LEFT, from + head), columns, position, body + ROW, colours.pin);
      legend(pen, parts, PAD, foot, "features", parts.ends, parts.scale, "");
      if (error)
        legend(pen, parts, PAD, foot + 20, "error", error.ends, error.scale, " of the squared length");
      pen.text(PAD, foot + 48, parts.status, { ...quiet, mono: true });
    },
  };
}

function line(pen: Pen, parts: Parts, i: number, row: Row, value: string): void {
  const { colours, columns, state } = parts;
  const { pinned, feature } = state;
  const y = i * ROW + ROW / 2;
  const ink = { colour: row.feature === feature ? colours.accent : colours.ink, size: 12, mono: true };
  pen.text(4, y, i < pinned.length ? "◆" : "", { colour: colours.pin, size: 11 });
  pen.text(26, y, String(row.feature), { ...ink, colour: colours.quiet });
  pen.text(76, y, row.label ? label(row.label, 18) : "", ink);
  pen.text(LEFT + columns.width + RIGHT - 8, y, value, { ...ink, anchor: "end" });
  pen.line(0, i * ROW, LEFT + columns.width + RIGHT, i * ROW, colours.line);
}

function legend(
  pen: Pen,
  parts: Parts,
  x: number,
  y: number,
  name: string,
  ends: Ends,
  scale: Scale,
  unit: string,
): void {
  const { ink, quiet, line } = parts.colours;
  const word = { colour: quiet, size: 11, mono: true };
  pen.text(x, y, name, { ...word, colour: ink });
  pen.text(x + 130, y, shortly(ends.low), { ...word, anchor: "end" });
  for (let at = 0; at < BAR; at += 2) {
    const rgb = colourOf(scale, 1 + Math.round((250 * at) / (BAR - 2)));
    if (rgb) pen.rect(x + 138 + at, y - 5, 2, 10, { fill: css(rgb) });
  }
  pen.rect(x + 138, y - 5, BAR, 10, { stroke: line });
  pen.text(x + 138 + BAR + 8, y, shortly(ends.high) + unit, word);
}

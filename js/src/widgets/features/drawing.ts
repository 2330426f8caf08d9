// The dashboard of a feature, drawn by a pen: for SVG and PNG.

import { digits, label } from "../../core/format";
import type { Page } from "../../core/page";
import type { Pen } from "../../core/pen";
import { type Drawing, shifted } from "../../core/save";
import type { Dashboard } from "./dashboard";
import { type FeatureAnswer, type Piece, wordsOf } from "./data";
import { around, coloured, type Painter, unitsOf } from "./line";
import { type Side, sidesOf } from "./sides";

const [WIDTH, SPLIT, ROW, SIZE] = [1000, 700, 20, 12];
const CHARACTER = 0.602 * SIZE; // of the usual monospace fonts
const LINES = 16;

export interface Drawn {
  feature: number;
  answer: FeatureAnswer;
  facts: [string, string, string][];
  examples: readonly Piece[];
  painter: Painter;
  colours: Page["colours"];
  histogram: Dashboard["histogram"];
}

export function dashboardDrawing(drawn: Drawn): Drawing {
  const { answer, histogram } = drawn;
  const sides = sidesOf(answer).map((side) => ({ ...side, bars: side.bars.slice(0, 8) }));
  const lines = drawn.examples.slice(0, LINES);
  const right = histogram.height + 24 + sides.reduce((sum, side) => sum + (side.bars.length + 1.5) * ROW, 0);
  return {
    width: WIDTH,
    height: 64 + Math.max(right, (lines.length + 1) * ROW) + 8,
    paint: (pen) => {
      const { ink, quiet } = drawn.colours;
      const words = wordsOf(answer);
      pen.text(0, 12, String(drawn.feature), { colour: quiet, size: 15, bold: true, mono: true });
      pen.text(64, 12, label(words, 90), { colour: ink, size: 15, bold: true });
      const said = drawn.facts.map(([name, text]) => `${name} ${text}`).join(", ");
      pen.text(0, 36, said, { colour: quiet, size: SIZE });
      const left = shifted(pen, 0, 64);
      lines.forEach((example, i) => {
        paintLine(shifted(left, 0, i * ROW), example, drawn);
      });
      const side = shifted(pen, SPLIT + 24, 56);
      if (answer.count > 0) histogram.paint(side, WIDTH - SPLIT - 24);
      let y = histogram.height + 24;
      for (const list of sides) {
        side.text(0, y, list.title, { colour: quiet, size: SIZE });
        paintBars(shifted(side, 0, y + ROW), list, drawn);
        y += (list.bars.length + 1.5) * ROW;
      }
    },
  };
}

function paintLine(pen: Pen, example: Piece, drawn: Drawn): void {
  const { ink, quiet } = drawn.colours;
  pen.text(44, ROW / 2, digits(example.values[example.peak] ?? Number.NaN), {
    colour: quiet,
    size: SIZE,
    mono: true,
    anchor: "end",
  });
  const [from, peak] = [56, 56 + 0.56 * (SPLIT - 56)];
  const before = Math.floor((peak - from) / CHARACTER) - 2;
  const after = Math.floor((SPLIT - peak) / CHARACTER) - 2;
  const [left, right] = around(unitsOf(example), example.peak, before, after);
  const width = (text: string) => ([...label(text, 40)].length + 1) * CHARACTER;
  let x = peak - left.reduce((sum, unit) => sum + width(unit.text), 0);
  for (const unit of [...left, ...right]) {
    const w = width(unit.text);
    if (x >= from - 1 && x + w <= SPLIT + 1) {
      const found = coloured(unit.value, drawn.painter);
      if (found) pen.rect(x, 1, w - 1, ROW - 2, { fill: found[0], radius: 2 });
      const colour = found?.[1] ?? ink;
      pen.text(x + w / 2, ROW / 2, label(unit.text, 40), {
        colour,
        size: SIZE,
        mono: true,
        anchor: "middle",
      });
    }
    x += w;
  }
}

function paintBars(pen: Pen, { bars, most }: Side, drawn: Drawn): void {
  const { ink, accent, pin } = drawn.colours;
  const end = WIDTH - SPLIT - 24;
  bars.forEach(({ name, value }, i) => {
    pen.text(0, i * ROW, name, { colour: ink, size: SIZE, mono: true });
    pen.text(end, i * ROW, digits(value), { colour: ink, size: SIZE, mono: true, anchor: "end" });
    const length = Number.isFinite(value) ? (100 * Math.abs(value)) / most : 0;
    pen.rect(108, i * ROW - 4, length, 8, { fill: value < 0 ? accent : pin, radius: 2 });
  });
}

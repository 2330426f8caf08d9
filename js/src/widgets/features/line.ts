// One example on one line, its strongest token where every other line has it: a concordance.

import { codeOf, colourOf, inkOn, type Scale } from "../../core/colour";
import { div, h } from "../../core/dom";
import { allDigits, isRightToLeft, pieces } from "../../core/format";
import { css } from "../../core/linear";
import type { Piece } from "./data";

/** How values become colours: one scale for all examples of a feature. */
export interface Painter {
  scale: Scale;
  top: number;
}

/** A token, or the pieces of one character, that stand together. */
export interface Unit {
  start: number;
  stop: number;
  text: string;
  /** The strongest of its pieces; undefined where it was not kept. */
  value: number | undefined;
}

export function unitsOf({ texts, glyphs, values }: Piece): Unit[] {
  const joined = new Map(glyphs.map((glyph) => [glyph[0], glyph] as const));
  const units: Unit[] = [];
  for (let i = 0; i < texts.length; ) {
    const [start, stop, text] = joined.get(i) ?? [i, i + 1, texts[i]!];
    let value = values[start];
    for (let j = start; j < stop; j++) if (!(Math.abs(values[j]!) <= Math.abs(value!))) value = values[j];
    units.push({ start, stop, text, value });
    i = stop;
  }
  return units;
}

const lengthOf = ({ text }: Unit) => pieces(text).reduce((sum, piece) => sum + piece.text.length, 1);

/** The units that fit on both sides of the peak, with one more that the edge may cut. */
export function around(
  units: readonly Unit[],
  peak: number,
  before: number,
  after: number,
): [Unit[], Unit[]] {
  const at = Math.max(
    0,
    units.findIndex((unit) => peak < unit.stop),
  );
  let [first, last] = [at, at];
  for (let room = before; first > 0 && room > 0; ) room -= lengthOf(units[--first]!);
  for (let room = after; last < units.length && room > 0; ) room -= lengthOf(units[last++]!);
  return [units.slice(first, at), units.slice(at, last)];
}

/** Ground and ink of a value; nothing where there is none to show. */
export function coloured(
  value: number | undefined,
  { scale, top }: Painter,
): [ground: string, ink: string] | null {
  const rgb = value ? colourOf(scale, codeOf(value, top, scale.signed)) : null;
  return rgb && [css(rgb), inkOn(rgb)];
}

/** Tokens side by side, coloured; right-to-left ones in a row keep their reading order. */
export function tokenRow(name: string, units: readonly Unit[], piece: Piece, painter: Painter): HTMLElement {
  const el = div(name);
  let run: HTMLElement | null = null;
  for (const { start, stop, text, value } of units) {
    const colours = coloured(value, painter);
    const said = value === undefined ? "not kept" : Number.isNaN(value) ? "not a number" : allDigits(value);
    const span = h("span", {
      ...{ class: "iw-token", "data-i": start, title: `${said} · token ${piece.start + start}` },
      ...{ "data-special": piece.special.includes(start), "data-nan": Number.isNaN(value) },
      "data-peak": piece.peak >= start && piece.peak < stop,
      "data-unknown": value === undefined,
      style: colours && `background:${colours[0]};color:${colours[1]}`,
    });
    const parts = pieces(text);
    // The space before a word is fainter than a token that is nothing but a mark.
    const faint = parts.length > 1 ? "iw-mark feat-space" : "iw-mark";
    for (const { mark, text: shown } of parts) span.append(mark ? h("span", { class: faint }, shown) : shown);
    if (!isRightToLeft(text)) run = null;
    else if (!run) {
      run = h("span", { dir: "rtl", style: "unicode-bidi:isolate" });
      el.append(run);
    }
    (run ?? el).append(span);
  }
  return el;
}

/** The line; `before` and `after` are the characters that fit on either side. */
export function contextLine(piece: Piece, painter: Painter, before: number, after: number): HTMLElement {
  const [left, right] = around(unitsOf(piece), piece.peak, before, after);
  return div(
    "feat-line",
    tokenRow("feat-before", left, piece, painter),
    tokenRow("feat-after", right, piece, painter),
  );
}

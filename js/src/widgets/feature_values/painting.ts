// In which colours: features share one scale, the text has the scale of its feature, the error a colour of its own.

import type { Scale } from "../../core/colour";
import { type Ends, endsOf, type Swatch, swatchOf } from "../../core/linear";
import type { Page } from "../../core/page";
import { countsOf, type LegendState } from "../../core/range_legend";
import { parseColour, type Rgb } from "../../core/theme";
import { type Data, type Row, type ViewInfo, valueAt } from "./data";
import type { Strip } from "./heat";

/** The error's share of the squared length: 1 is as bad as saying nothing. */
export const MISS: Ends = { low: 0, high: 1, signed: false };

const GREY: Rgb = [140, 140, 140];

/** A scale from the background to one colour, for what is no feature. */
export function towards(bg: string, colour: string): Scale {
  const ends = [bg, colour].map((text) => parseColour(text)?.rgb ?? GREY);
  const lut = new Uint8ClampedArray(256 * 4);
  for (let c = 1; c <= 251; c++) {
    const t = (c - 1) / 250;
    lut.set([...ends[0]!.map((v, k) => v + t * (ends[1]![k]! - v)), 255], 4 * c);
  }
  lut.set([...ends[1]!, 255], 4 * 254); // infinitely far off
  lut.set([...GREY, 255], 4 * 255);
  return { signed: false, lut };
}

export class Painting {
  #page: Page<ViewInfo>;
  #data: Data;

  constructor(page: Page<ViewInfo>, data: Data) {
    this.#page = page;
    this.#data = data;
  }

  /** The ends of a feature's own scale; null for the one that all rows share. */
  ends(row: Row | null): Ends {
    const { signed, top } = this.#data.info;
    const own = row ? Math.abs(row.max) : top;
    const most = Number.isFinite(own) ? own : top;
    return endsOf(signed ? [-most, most] : [0, most], "auto", null, null);
  }

  scaleOf(ends: Ends): Scale {
    return this.#page.scales[ends.signed ? "signed" : "plain"];
  }

  get missColour(): string {
    const { root } = this.#page.frame;
    return getComputedStyle(root.querySelector(".fea")!).getPropertyValue("--miss").trim();
  }

  get miss(): Scale {
    return towards(this.#page.colours.bg, this.missColour);
  }

  /** A feature along the text, as a row of the matrix. */
  strip(row: Row): Strip {
    const ends = this.ends(null);
    const { positions, values } = row;
    return { positions, values, ends, scale: this.scaleOf(ends), broken: this.#data.info.broken };
  }

  /** The error along the text. */
  error(): Strip | null {
    const tokens = this.#data.tokens();
    if (!tokens) return null;
    const values = Array.from(tokens.unexplained.data, (v, i) => (this.#data.broken(i) ? Number.NaN : v));
    return { positions: values.map((_, i) => i), values, ends: MISS, scale: this.miss, broken: [] };
  }

  /** How a token looks by a feature, or by the error. */
  token(index: number, by: Row | Strip | null): { value: number; swatch: Swatch } | null {
    if (!by) return null;
    const error = "ends" in by;
    const ends = error ? MISS : this.ends(by);
    const known = error ? (by.values[index] ?? Number.NaN) : valueAt(by, index);
    const value = this.#data.broken(index) ? Number.NaN : known;
    return { value, swatch: swatchOf(value, ends, error ? by.scale : this.scaleOf(ends)) };
  }

  /** What the legend of the error says. */
  errorLegend(): Omit<LegendState, "ink"> {
    const seen = Array.from(this.error()?.values ?? []);
    const finite = seen.filter(Number.isFinite);
    return {
      ...{ name: "error", unit: "of the squared length", ends: MISS, scale: this.miss },
      data: finite.length ? [Math.min(...finite), Math.max(...finite)] : null,
      counts: countsOf(seen, MISS, () => false),
    };
  }
}

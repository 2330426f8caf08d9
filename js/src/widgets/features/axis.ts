// A column of all features on an axis: 16-bit places as Python packs them (widgets/features_answers.py, `coded`).

import type { NDArray } from "../../core/wire";

const [UNKNOWN, NOT_POSITIVE, FIRST, LAST, MINUS_INFINITE] = [0, 1, 2, 65533, 65534];

export interface Column {
  codes: NDArray;
  low: number;
  high: number;
  logarithmic: boolean;
}

export interface Tick {
  at: number;
  value: number;
}

/** Places codes between `from` and `to` pixels; zeros of a logarithmic axis stand in a gutter before it. */
export class Axis {
  readonly column: Column;
  readonly from: number;
  readonly to: number;
  /** Where zeros stand, or null where none occur. */
  readonly gutter: number | null;

  constructor(column: Column, from: number, to: number) {
    this.column = column;
    const room = Math.sign(to - from) * 14;
    const zeros = column.logarithmic && Array.prototype.includes.call(column.codes.data, NOT_POSITIVE);
    this.gutter = zeros ? from + room / 3 : null;
    // A dot at the very end is not cut in half.
    const margin = Math.sign(to - from) * 4;
    this.from = from + (zeros ? room : margin);
    this.to = to - margin;
  }

  /** The pixel of a code; null for an unknown value. An infinite one stands at the end. */
  at(code: number): number | null {
    if (code === UNKNOWN) return null;
    if (code === NOT_POSITIVE) return this.gutter;
    const share = code > LAST ? (code === MINUS_INFINITE ? 0 : 1) : (code - FIRST) / (LAST - FIRST);
    return this.from + share * (this.to - this.from);
  }

  place(value: number): number {
    const { low, high, logarithmic } = this.column;
    if (logarithmic && value <= 0) return this.gutter ?? this.from;
    const share = logarithmic
      ? Math.log(value / low) / Math.log(high / low)
      : high === low
        ? 0.5
        : (value - low) / (high - low);
    return this.from + share * (this.to - this.from);
  }

  /** The value at a pixel; beyond the ends, and in the gutter, there is none. */
  value(pixel: number): number | null {
    const { low, high, logarithmic } = this.column;
    const share = (pixel - this.from) / (this.to - this.from);
    if (share < 0 || share > 1) return null;
    return logarithmic ? low * (high / low) ** share : low + share * (high - low);
  }

  /** The value that a code stands for, about. */
  about(code: number): number {
    if (code === UNKNOWN) return Number.NaN;
    if (code === NOT_POSITIVE) return 0;
    if (code > LAST) return code === MINUS_INFINITE ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const { low, high, logarithmic } = this.column;
    const share = (code - FIRST) / (LAST - FIRST);
    return logarithmic ? low * (high / low) ** share : low + share * (high - low);
  }

  /** Powers of ten, or a few round numbers; never more than `most`. */
  ticks(most: number): Tick[] {
    const { low, high, logarithmic } = this.column;
    const values: number[] = [];
    if (logarithmic) {
      const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
      const step = Math.max(1, Math.ceil((last - first + 1) / most));
      for (let power = first; power <= last; power += step) values.push(Number(`1e${power}`));
    } else {
      const rough = (high - low) / Math.max(1, most - 1) || 1;
      const unit = 10 ** Math.floor(Math.log10(rough));
      const step = unit * ([1, 2, 5, 10].find((m) => m * unit >= rough * 0.999) ?? 10);
      for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step)
        values.push(Number(v.toPrecision(6)));
    }
    return values.map((value) => ({ value, at: this.place(value) }));
  }
}

/** A value with few digits, rounded outwards, so that a box holds what it was drawn around. */
export function outwards(value: number | null, up: boolean): number | null {
  if (value === null || value === 0) return value;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2);
  const rounded = (up ? Math.ceil(value / unit) : Math.floor(value / unit)) * unit;
  return Number(rounded.toPrecision(3));
}

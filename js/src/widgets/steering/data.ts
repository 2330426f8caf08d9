// What Python answers, and what the page works out from it: active rows, interpolation, the tokens worth showing.

import type { TokenData } from "../../core/tokens";
import type { NDArray } from "../../core/wire";

/** A slider's range in one mode, in the unit of the strength. */
export interface Range {
  low: number;
  high: number;
  /** The strength that changes nothing; null where only "off" does. */
  neutral: number | null;
  unit: string;
}

export interface TargetInfo {
  name: string;
  label: string;
  /** The sites it writes. */
  where: string;
  modes: string[];
  ranges: Record<string, Range>;
}

export interface ViewInfo {
  targets: TargetInfo[];
  tokens: TokenData;
  sites: string[];
  /** Why attention cannot be frozen, or why no text can be written; null where it can. */
  frozen: string | null;
  writes: string | null;
  /** On a static page, the strengths that were recorded. */
  grid: { points: Record<string, number[]>; product: boolean } | null;
  /** How many targets a sweep would go through; null where that shows when it begins. */
  sweep: number | null;
  dictionaries: number;
  /** Counts what the names meant: an answer about a target that was removed is none about its successor. */
  edition: number;
}

export type Strengths = Record<string, number | null>;
/** A target at work: its name, mode and strength. */
export type Row = [string, string, number];

/** The next token, before and after; the axes of `after` are [live or frozen attention, token]. */
export interface Steered {
  applied: [string, number][];
  limited: boolean;
  ids: number[];
  texts: string[];
  before: NDArray;
  after: NDArray;
  words: { before: NDArray; after: NDArray };
  kl: NDArray;
}

/** Dose and response of one target, the others held: log-probabilities [live or frozen, point, token]. */
export interface Curve {
  strengths: NDArray;
  ids: number[];
  texts: string[];
  before: NDArray;
  log_probability: NDArray;
  words: NDArray;
  kl: NDArray;
}

/** How far one target may go: divergence [live or frozen, point] in nats per token, and the ends under a limit. */
export interface Reach {
  strengths: NDArray;
  divergence: NDArray;
  low: number | null;
  high: number | null;
}

export interface Gauge {
  divergence: NDArray;
}

export function rangeOf(target: TargetInfo, mode: string): Range {
  return target.ranges[mode] ?? Object.values(target.ranges)[0]!;
}

/** The targets that change something; what is off or neutral is not asked about, so that all of it has one answer. */
export function rowsOf(
  targets: readonly TargetInfo[],
  modes: Record<string, string>,
  strengths: Strengths,
): Row[] {
  return targets.flatMap((target) => {
    const mode = modes[target.name] ?? target.modes[0]!;
    const strength = strengths[target.name] ?? null;
    return strength === null || strength === rangeOf(target, mode).neutral
      ? []
      : [[target.name, mode, strength] as Row];
  });
}

/** Where a strength lies between two points: the lower one and the share of the way to the next; held at the ends. */
export function between(strengths: ArrayLike<number>, at: number): [number, number] {
  const last = strengths.length - 1;
  if (last < 1 || at <= strengths[0]!) return [0, 0];
  if (at >= strengths[last]!) return [last - 1, 1];
  let i = 0;
  while (i < last - 1 && strengths[i + 1]! < at) i++;
  return [i, (at - strengths[i]!) / (strengths[i + 1]! - strengths[i]!)];
}

/** One row of an array [variant, point, ...] at a strength between its points. */
export function interpolated(values: NDArray, variant: number, [point, share]: [number, number]): number[] {
  const points = values.shape[1]!;
  const width = values.shape[2] ?? 1;
  const start = (variant * points + point) * width;
  return Array.from({ length: width }, (_, j) => {
    const low = values.data[start + j]!;
    return points < 2 ? low : low + share * (values.data[start + width + j]! - low);
  });
}

export interface Line {
  id: number;
  text: string;
  before: number;
  /** One for each way of attention. */
  after: number[];
  exact: boolean;
}

const LINES = 9;
const FRESH = 4;

/** The tokens of the bars: those that matter anywhere on the touched curve, so that dragging moves none of them. */
export function linesOf(exact: Steered | null, curve: Curve | null, at: number | null): Line[] {
  const lines = new Map<number, Line & { weight: number }>();
  const variants = exact ? exact.after.shape[0]! : (curve?.log_probability.shape[0] ?? 1);
  if (curve && at !== null) {
    const place = between(curve.strengths.data, at);
    const measured = Array.from(curve.strengths.data).includes(at);
    const now = Array.from({ length: variants }, (_, v) => interpolated(curve.log_probability, v, place));
    curve.ids.forEach((id, i) => {
      const after = now.map((values) => Math.exp(values[i]!));
      const width = curve.ids.length;
      let weight = curve.before.data[i]!;
      for (let p = i; p < curve.log_probability.data.length; p += width)
        weight = Math.max(weight, Math.exp(curve.log_probability.data[p]!));
      lines.set(id, {
        ...{ id, text: curve.texts[i]!, before: curve.before.data[i]!, after, weight },
        exact: measured,
      });
    });
  }
  const known = exact?.ids.length ?? 0;
  exact?.ids.forEach((id, i) => {
    const after = Array.from({ length: variants }, (_, v) => exact.after.data[v * known + i]!);
    const before = exact.before.data[i]!;
    const weight = Math.max(before, ...after, lines.get(id)?.weight ?? 0);
    lines.set(id, { id, text: exact.texts[i]!, before, after, weight, exact: true });
  });
  const all = [...lines.values()].sort((a, b) => b.weight - a.weight);
  const kept = all.slice(0, LINES);
  // What is likely just now is never missing, even where no point of the curve foresaw it.
  const now = [...all].sort((a, b) => Math.max(...b.after) - Math.max(...a.after)).slice(0, FRESH);
  // In the default's order, which no slider changes.
  return [...kept, ...now.filter((line) => !kept.includes(line))].sort((a, b) => b.before - a.before);
}

// What Python answers about features, and how the page reads it.

import { label } from "../../core/format";
import { RequestError } from "../../core/requests";
import type { NDArray } from "../../core/wire";

export interface ViewInfo {
  version: number;
  name: string;
  n_features: number;
  n_tokens: number;
  columns: string[];
  /** The smallest density of a feature that fires, and the largest. */
  densities: [number, number];
  /** How many rows a block of the list holds. */
  rows: number;
  card: Record<string, string | number | boolean>;
  /** Whether rules can be tested: a model and text were given. */
  rules: boolean;
}

export type Filters = Record<string, [number | null, number | null]>;

export interface RowBlock {
  total: number;
  ids: NDArray;
  labels: string[];
  fires: string[][];
  density: NDArray;
  max: NDArray;
  value: NDArray | null;
}

export interface Row {
  id: number;
  label: string;
  fires: string[];
  density: number;
  max: number;
  value: number | null;
}

export function rowOf(block: RowBlock, at: number): Row | null {
  if (at < 0 || at >= block.labels.length) return null;
  return {
    id: block.ids.data[at]!,
    label: block.labels[at]!,
    fires: block.fires[at]!,
    density: block.density.data[at]!,
    max: block.max.data[at]!,
    value: block.value?.data[at] ?? null,
  };
}

/** The two ends of the vocabulary for a feature, or what it reads. */
export interface Ends {
  texts: string[];
  ids: number[];
  values: NDArray;
}

export interface Others {
  features: number[];
  values: NDArray;
  labels: string[];
  fires: string[][];
}

export interface PackedExamples {
  groups: string[];
  /** The bytes of a JSON list: every distinct text once. */
  texts: NDArray;
  /** `[example, 6]`: group, document, position, start, peak, number of tokens. */
  table: NDArray;
  tokens: NDArray;
  values: NDArray;
  value: NDArray;
  special: [number, number][];
  glyphs: [number, number, number, string][];
}

export interface Numbered {
  density: number | string;
  max: number | string;
  mean: number | string;
}

export interface FeatureAnswer extends Numbered {
  label: string;
  fires: string[];
  count: number;
  level: number | null;
  edges: NDArray;
  counts: NDArray;
  examples: PackedExamples;
  totals: [string, number][];
  promoted: Ends | null;
  suppressed: Ends | null;
  read: Ends | null;
  neighbours: Others;
  correlated: Others;
  columns: [string, number | string][];
  sum_check: { law: string; value: number | null; holds: boolean };
}

/** Some tokens of a document, with the activation on each. */
export interface Piece {
  document: number;
  /** Of the first token in its document. */
  start: number;
  /** Of the strongest token among these. */
  peak: number;
  texts: string[];
  special: number[];
  glyphs: [number, number, string][];
  /** Undefined where none was kept. */
  values: ArrayLike<number | undefined>;
}

export interface Example extends Piece {
  group: string;
  /** Of the peak in its document. */
  position: number;
  value: number;
}

/** A longer piece of a document, on request. */
export interface Context {
  start: number;
  texts: string[];
  special: number[];
  glyphs: [number, number, string][];
  values: NDArray;
}

export function examplesOf(packed: PackedExamples): Example[] {
  const { table, tokens, values, value, groups, special, glyphs } = packed;
  const texts = JSON.parse(new TextDecoder().decode(packed.texts.data)) as string[];
  let from = 0;
  return Array.from(value.data, (strength, i) => {
    const [group, document, position, start, peak, count] = table.data.slice(6 * i, 6 * i + 6);
    const to = from + count!;
    const example = {
      ...{ group: groups[group!]!, document: document!, position: position!, start: start!, peak: peak! },
      value: strength,
      values: values.data.slice(from, to),
      texts: Array.from(tokens.data.slice(from, to), (code) => texts[code]!),
      special: special.flatMap(([at, token]) => (at === i ? [token] : [])),
      glyphs: glyphs.flatMap(([at, ...glyph]) => (at === i ? [glyph] : [])),
    };
    from = to;
    return example;
  });
}

/** A longer piece; its values are known around the examples only. */
export function pieceOf({ values, ...context }: Context, { document, position }: Example): Piece {
  const known = Array.from(values.data, (value) => (Number.isNaN(value) ? undefined : value));
  return { ...context, document, peak: position - context.start, values: known };
}

export function messageOf(error: unknown): string {
  return error instanceof RequestError ? `${error.failure.message}. ${error.failure.fix}` : String(error);
}

/** What a feature is called in one line: its label, else the tokens it fires on. */
export function wordsOf(row: { label: string; fires: string[] }): string {
  return row.label || row.fires.map((text) => label(text, 20)).join(" · ") || "never fires";
}

/** A share of all tokens, in per cent. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return Number.isNaN(share) ? "NaN" : "∞";
  if (share === 0) return "0";
  const value = 100 * share;
  if (value < 1e-4) return `${value.toExponential(0)}%`;
  return `${value >= 10 ? value.toFixed(1) : value.toPrecision(2)}%`;
}

/** Numbers that JSON cannot hold travel by their names. */
export function numberOf(value: number | string): number {
  if (typeof value === "number") return value;
  return value === "inf"
    ? Number.POSITIVE_INFINITY
    : value === "-inf"
      ? Number.NEGATIVE_INFINITY
      : Number.NaN;
}

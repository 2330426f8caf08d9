// What kind of head each head is: as an order, as badges on the small pictures, and in words.

import { digits } from "../../core/format";
import type { NDArray } from "../../core/wire";

/** The answer to "summaries" (`AttentionView._summaries`). */
export interface Summaries {
  names: string[];
  /** `[summary, head]`, and what uniform attention would score on the same text. */
  values: NDArray<Float32Array>;
  uniform: NDArray<Float32Array>;
  /** For each head the summaries that clearly name it, the clearest first. */
  labels: string[][];
  /** An order that puts like heads side by side. */
  likeness: NDArray<Uint32Array>;
}

/** Kinds of heads on their small pictures. */
const SHORT: Record<string, string> = {
  previous_token: "prev",
  first_token: "first",
  current_token: "self",
  duplicate_token: "dup",
  induction: "ind",
};

function row({ names, values }: Summaries, name: string, of = values): Float32Array | null {
  const [at, count] = [names.indexOf(name), values.shape[1]!];
  return at < 0 ? null : of.data.subarray(at * count, (at + 1) * count);
}

/** The heads as a reader wants them sorted, largest first and undefined last; null: as the model has them. */
export function orderOf(summaries: Summaries, sort: string): ArrayLike<number> | null {
  if (sort === "likeness") return summaries.likeness.data;
  const values = row(summaries, sort);
  if (!values) return null;
  const rank = (i: number) => (Number.isNaN(values[i]!) ? Number.NEGATIVE_INFINITY : values[i]!);
  return Array.from(values.keys()).sort((a, b) => rank(b) - rank(a));
}

/** One word for each head: the number it is sorted by, else the kind it clearly is. */
export function badgesOf(summaries: Summaries, sort: string): string[] {
  const values = row(summaries, sort);
  if (values) return Array.from(values, digits);
  return summaries.labels.map((names) => SHORT[names[0] ?? ""] ?? "");
}

/** A head's clearest name with its score, and what uniform attention would score; empty where none is clear. */
export function kindOf(summaries: Summaries, head: number): string {
  const name = summaries.labels[head]?.[0];
  if (!name) return "";
  const [value, uniform] = [summaries.values, summaries.uniform].map(
    (of) => row(summaries, name, of)![head]!,
  );
  return `${name.replace("_", "-")} head ${digits(value!)} (uniform ${digits(uniform!)})`;
}

// What the picture shows and what is under the pointer, in words.

import { digits, label } from "../../core/format";

const SHOWN: Record<string, string> = {
  pattern: "probability",
  value_weighted: "probability × norm of what the head writes from the key",
  compared: "probability in the second",
  difference: "probability in the first minus the second",
};

/** What a colour means; `pooling` where several cells share a pixel. */
export function legendWords(show: string, causal: boolean, marked: boolean, pooling: string | null): string {
  return [
    `${SHOWN[show]}, square-root scale`,
    causal && "upper triangle is masked",
    marked && "hatched is not a number, ∞ infinite",
    pooling && `${pooling} of the cells in a pixel`,
  ]
    .filter(Boolean)
    .join("; ");
}

export interface Read {
  layer: number;
  head: number;
  /** What sort of head it is, or nothing. */
  kind: string;
  /** The query and the key in words, or null where none is pinned or under the pointer. */
  query: string | null;
  key: string | null;
  value(): string;
  preview: boolean;
}

export function statusWords({ layer, head, kind, query, key, value, preview }: Read): string {
  const both = query !== null && key !== null;
  return [
    `layer ${layer}`,
    `head ${head}`,
    kind,
    both ? `${query} → ${key}` : (query ?? key),
    both && value(),
    preview && "preview",
  ]
    .filter(Boolean)
    .join(" · ");
}

export function positionWords(axis: string, index: number | null, texts: readonly string[]): string | null {
  return index === null ? null : `${axis} ${index} “${label(texts[index] ?? "", 24)}”`;
}

/** A value off the picture's eight bits says so. */
export function valueWords(value: number | undefined, exact: boolean, isStatic: boolean): string {
  if (value === undefined) return "…";
  if (exact) return digits(value);
  return `≈ ${digits(value)}${isStatic ? " (off the picture; exact in the notebook)" : ""}`;
}

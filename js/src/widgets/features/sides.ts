// What a feature makes the model say, and what it reads: tokens as bars, every list's numbers exact.

import { div, h } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import type { FeatureAnswer } from "./data";

export interface Side {
  title: string;
  /** The number of a full bar: both ends of the vocabulary have one scale. */
  most: number;
  bars: { name: string; value: number; title: string }[];
}

export function sidesOf(answer: FeatureAnswer): Side[] {
  const most = (values: Iterable<number>) =>
    Math.max(0, ...[...values].map(Math.abs).filter(Number.isFinite)) || 1;
  const writes = answer.read ? "Writes: p" : "P";
  const { read, promoted, suppressed } = answer;
  const both = most([...(promoted?.values.data ?? []), ...(suppressed?.values.data ?? [])]);
  const lists = [
    ["Reads: embeddings it matches", read, most(read?.values.data ?? [])],
    [`${writes}romotes, logits per unit`, promoted, both],
    [answer.read ? "Writes: suppresses" : "Suppresses", suppressed, both],
  ] as const;
  return lists.flatMap(([title, ends, top]) => {
    if (!ends?.texts.length) return [];
    const bars = ends.texts.map((text, i) => {
      const value = ends.values.data[i]!;
      return { name: label(text, 14), value, title: `${text} · token ${ends.ids[i]} · ${allDigits(value)}` };
    });
    return [{ title, most: top, bars }];
  });
}

export function drawSides(sides: readonly Side[]): HTMLElement[] {
  return sides.map(({ title, most, bars }) => {
    const rows = bars.flatMap(({ name, value, title: said }) => {
      const width = Number.isFinite(value) ? (100 * Math.abs(value)) / most : 0;
      const sign = value < 0 ? "negative" : "positive";
      return [
        h("span", { title: said }, name),
        h("div", { class: "iw-bar", style: `width:${width.toFixed(1)}%`, "data-sign": sign }),
        h("span", { class: "iw-value", title: said }, digits(value)),
      ];
    });
    return h("div", {}, h("p", { class: "iw-note" }, title), div("iw-bars", ...rows));
  });
}

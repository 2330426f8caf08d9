// The next token, default beside steered: paired bars with the shift in numbers.

import { div, h } from "../../core/dom";
import { allDigits, digits, isRightToLeft, label } from "../../core/format";
import type { Line } from "./data";

const VARIANT = ["live", "frozen"];

/** A change of probability, with its sign. */
export function shift(before: number, after: number): string {
  const by = after - before;
  return by === 0 ? "0" : `${by > 0 ? "+" : "−"}${digits(Math.abs(by))}`;
}

/** What a token says, kept whole whatever its direction. */
export function token(text: string, most: number): HTMLElement {
  return h("bdi", { title: text, dir: isRightToLeft(text) ? "rtl" : "ltr" }, label(text, most));
}

export class NextToken {
  readonly el = div("st-next");
  #note = h("p", { class: "iw-note" });
  #bars = div("st-bars");

  constructor() {
    this.el.append(this.#note, this.#bars);
  }

  update(lines: readonly Line[], ways: readonly string[], stale: boolean): void {
    const both = ways.length > 1;
    const key = (name: string, text: string) => h("span", { class: "st-key", "data-key": name }, text);
    this.#note.replaceChildren(
      "Next token, probability: ",
      key("was", "default"),
      key(
        "live",
        both ? "steered, live attention" : ways[0] === "frozen" ? "steered, frozen attention" : "steered",
      ),
      ...(both ? [key("frozen", "steered, frozen attention")] : []),
      ...(lines.some((line) => !line.exact) ? [" ≈ interpolated"] : []),
    );
    const top = Math.max(1e-6, ...lines.flatMap((line) => [line.before, ...line.after]));
    const ceiling = top > 0.5 ? 1 : top * 1.1;
    this.#bars.toggleAttribute("data-stale", stale);
    const width = (value: number) => `width:${((100 * Math.min(value, ceiling)) / ceiling).toFixed(2)}%`;
    this.#bars.replaceChildren(
      ...lines.flatMap(({ text, before, after, exact }) => {
        const track = div("st-track", h("i", { class: "st-was", style: width(before) }));
        after.forEach((value, v) => {
          track.append(
            h("i", { class: `st-${VARIANT[v]}`, style: width(value), "data-approximate": !exact }),
          );
        });
        const last = after.map((value) => `${exact ? "" : "≈ "}${digits(value)}`).join(" · ");
        const title = `default ${allDigits(before)}, steered ${after.map(allDigits).join(" and ")}`;
        return [
          token(text, 14),
          track,
          h("span", { class: "st-number", title }, `${digits(before)} → ${last}`),
          h("span", { class: "st-shift", title: "change of probability" }, shift(before, after[0]!)),
        ];
      }),
      div("st-scale", h("span", {}, "0"), h("span", {}, digits(ceiling))),
    );
  }
}

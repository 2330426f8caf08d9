// Features that a feature resembles, each a way to get there.

import { div, h, numbered, on } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import { type Others, wordsOf } from "./data";

export class OtherFeatures {
  readonly el = div("feat-other");
  #rows = h("div");

  constructor(title: string, open: (feature: number) => void, signal: AbortSignal) {
    this.el.append(h("p", { class: "iw-note" }, title), this.#rows);
    const at = numbered("feature");
    on(
      this.#rows,
      "click",
      (event) => {
        const feature = at(event);
        if (feature !== null) open(feature);
      },
      signal,
    );
  }

  update({ features, values, labels, fires }: Others): void {
    this.el.hidden = features.length === 0;
    this.#rows.replaceChildren(
      ...features.map((feature, i) => {
        const words = wordsOf({ label: labels[i]!, fires: fires[i]! });
        const value = values.data[i]!;
        return h(
          "button",
          { type: "button", "data-feature": feature, title: `Open feature ${feature}: ${words}` },
          h("span", { class: "iw-index" }, String(feature)),
          h("span", { class: labels[i] ? "" : "feat-unnamed" }, label(words, 40)),
          h("span", { class: "feat-number", title: allDigits(value) }, digits(value)),
        );
      }),
    );
  }
}

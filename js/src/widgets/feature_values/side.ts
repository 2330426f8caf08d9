// What explains one position: its features as bars by their share of the activation, the error beside them, the sum.

import { button, div, h, numbered, on } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import type { Page } from "../../core/page";
import { track } from "../../core/partbars";
import type { Data, TokenNumbers, ViewInfo } from "./data";
import type { State } from "./state";

export interface SideEvents {
  hover(feature: number | null): void;
  click(feature: number): void;
}

export class Side {
  readonly el = div("fea-side");
  #note = h("p", { class: "iw-note" });
  #bars = div("fea-bars");
  #sum = h("p", { class: "fea-sum" });
  #facts = h("p", { class: "iw-note fea-facts" });

  #page: Page<ViewInfo>;
  #data: Data;

  constructor(page: Page<ViewInfo>, data: Data, events: SideEvents) {
    this.#page = page;
    this.#data = data;
    const { signal } = page;
    this.el.append(this.#note, this.#bars, this.#sum, this.#facts);
    const at = numbered("feature");
    on(this.#bars, "pointerover", (event) => events.hover(at(event)), signal);
    on(this.#bars, "pointerleave", () => events.hover(null), signal);
    on(
      this.#bars,
      "click",
      (event) => {
        const feature = at(event);
        if (feature !== null) events.click(feature);
      },
      signal,
    );
  }

  update({ looked: { index, why }, over, feature }: State): void {
    const { info, count } = this.#data;
    const words = { hovered: "Hovered", locked: "Locked", last: "Last token" }[why];
    this.#note.textContent = `${words}: what explains ${index} “${label(info.tokens.texts[index] ?? "", 24)}”`;
    const broken = this.#data.broken(index);
    const tokens = this.#data.tokens();
    const explained = broken || count === 0 ? null : this.#data.explained(index);
    this.#bars.hidden = this.#sum.hidden = !explained || !tokens;
    if (!explained || !tokens) {
      const recorded = { run: info.run, start: index - (index % info.span) };
      const gone = this.#page.model.isStatic && !this.#page.requests.has("explain", recorded);
      this.#facts.textContent = broken
        ? "The activation here is not a finite number: nothing can be said of it."
        : gone
          ? "This was not recorded in the page: open the notebook."
          : "…";
      return;
    }
    const of = (name: keyof TokenNumbers) => tokens[name].data[index] ?? Number.NaN;
    const errorShare = of("error_shares");
    const chosen = over.feature ?? feature;
    const { parts, rest, sum } = explained;
    const others = of("counts") - parts.length;
    const { zero, unit } = track([...parts.map((p) => p.share), errorShare, ...(others > 0 ? [rest] : [])]);
    const bar = (share: number, kind: string | null) => {
      const length = Number.isFinite(share) ? Math.abs(share) * unit : 0;
      const style = `margin-left:${(share < 0 ? zero - length : zero).toFixed(2)}%;width:${length.toFixed(2)}%`;
      return div("", h("div", { class: "iw-bar", style, "data-kind": kind }));
    };
    const cell = (value: number, title = allDigits(value)) =>
      h("div", { class: "iw-value", title }, digits(value));
    const head = ["feature", "fires", "", "share"].map((name) => h("span", { class: "fea-head" }, name));
    const rows = parts.flatMap((part) => {
      const title = `feature ${part.feature}${part.label && ` “${part.label}”`} · fires ${allDigits(part.value)} · share of the activation ${allDigits(part.share)} · weight in the reconstruction ${allDigits(part.weight)}`;
      const name = button("", title, () => {});
      name.className = "iw-name";
      name.dataset.feature = String(part.feature);
      name.toggleAttribute("data-chosen", part.feature === chosen);
      name.append(h("span", { class: "iw-index" }, `${part.feature} `));
      if (part.label) name.append(label(part.label, 22));
      return [name, cell(part.value), bar(part.share, part.share < 0 ? "negative" : null), cell(part.share)];
    });
    const left =
      others > 0
        ? [
            h("span", { class: "fea-rest" }, `${others} ${others === 1 ? "other" : "others"}`),
            h("span"),
            bar(rest, "rest"),
            cell(rest),
          ]
        : [];
    const error = [
      h("span", { class: "fea-error" }, "error"),
      h("span"),
      bar(errorShare, "error"),
      cell(errorShare),
    ];
    this.#bars.replaceChildren(...head, ...rows, ...left, ...error);
    const total = sum + errorShare;
    this.#sum.textContent = `features ${digits(sum)} + error ${digits(errorShare)} = ${Number(total.toPrecision(6))}`;
    this.#sum.title = `${allDigits(sum)} + ${allDigits(errorShare)} = ${allDigits(total)}`;
    this.#facts.textContent = `Shares of the activation, measured from what the dictionary writes when nothing fires. The error holds ${digits(of("unexplained"))} of its squared length; length ${digits(of("norms"))}.`;
  }
}

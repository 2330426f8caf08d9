// The list of all features: numbers, words, density and maximum; only the rows in view exist.

import { button, div, h } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import { shortly } from "../../core/linear";
import { Rows } from "../../core/rows";
import { percent, type Row, wordsOf } from "./data";

export interface ListEvents {
  row(index: number): Row | null;
  open(index: number): void;
  sort(column: string): void;
}

export interface ListState {
  count: number;
  chosen: number | null;
  sort: string;
  descending: boolean;
  /** The smallest and largest density of all, for the bars. */
  densities: readonly [number, number];
}

export class FeatureList {
  readonly el = div("feat-list");
  readonly rows: Rows;
  #head = div("feat-head");
  #events: ListEvents;
  #state: ListState | null = null;
  #headed = "";

  constructor(events: ListEvents, signal: AbortSignal) {
    this.#events = events;
    this.rows = new Rows(
      "Features",
      { row: (i) => this.#line(events.row(i)), click: (i) => events.open(i) },
      signal,
    );
    this.el.append(this.#head, this.rows.el);
  }

  get #own(): string | null {
    const sort = this.#state?.sort ?? "density";
    return ["feature", "density", "max"].includes(sort) ? null : sort;
  }

  update(state: ListState): void {
    this.#state = state;
    const own = this.#own;
    const now = `${state.sort} ${state.descending}`;
    if (now !== this.#headed) {
      this.#headed = now;
      this.el.toggleAttribute("data-own", own !== null);
      const heads = ["feature", "", "max", "density", own ?? ""].map((column) => {
        if (column === "") return h("span");
        const sorted = state.sort === column;
        const arrow = sorted ? (state.descending ? " ↓" : " ↑") : "";
        const el = button(column + arrow, `Sort by ${column}`, () => this.#events.sort(column));
        el.setAttribute("aria-pressed", String(sorted));
        return el;
      });
      heads[1]!.textContent = "label, or fires on";
      this.#head.replaceChildren(...heads.slice(0, own ? 5 : 4));
    }
    this.rows.update(state.count, state.chosen);
  }

  #line(row: Row | null): (Node | string)[] | null {
    const state = this.#state;
    if (!row || !state) return null;
    const [low, high] = state.densities;
    const share = low < high ? Math.log(row.density / low) / Math.log(high / low) : 1;
    const bar = `--share:${(100 * Math.max(0, Math.min(1, share))).toFixed(1)}%`;
    const words = wordsOf(row);
    const fires = row.label && row.fires.length ? ` · fires on ${row.fires.join(" · ")}` : "";
    const cell = (text: string, value: number, style: string | null = null) =>
      h(
        "span",
        { class: `feat-number${style ? " feat-density" : ""}`, title: allDigits(value), style },
        text,
      );
    const parts = [
      h("span", { class: "iw-index" }, String(row.id)),
      h("span", { class: row.label ? "" : "feat-unnamed", title: words + fires }, label(words, 60)),
      cell(row.density === 0 ? "–" : digits(row.max), row.max),
      cell(percent(row.density), row.density, bar),
    ];
    if (this.#own && row.value !== null)
      parts.push(cell(Number.isNaN(row.value) ? "–" : shortly(row.value), row.value));
    return parts;
  }
}

// Words that a reader watches: the probability of each as the next token, default and steered.

import { button, div, h } from "../../core/dom";
import { allDigits, digits } from "../../core/format";
import type { Requests } from "../../core/requests";
import { shift, token } from "./next";
import { Search } from "./search";

export interface Watched {
  text: string;
  before: number | null;
  after: number[];
  exact: boolean;
}

export class Words {
  readonly el = div("st-words");
  #list = div("st-chips");
  #picker: Search;
  #removed: (at: number) => void;

  constructor(
    requests: Requests,
    added: (text: string) => void,
    removed: (at: number) => void,
    signal: AbortSignal,
  ) {
    this.#removed = removed;
    this.#picker = new Search(
      "watch a word",
      "watch a word",
      async (text) => {
        const { ids, texts } = await requests.ask<{ ids: number[]; texts: string[] }>("find_tokens", {
          text,
        });
        return ids.map((id, i) => ({ text: texts[i]!, label: "", why: String(id) }));
      },
      added,
      signal,
    );
    this.el.append(
      h("p", { class: "iw-note" }, "Watched words; the first one draws the curves in the sliders."),
      this.#list,
    );
  }

  update(words: readonly Watched[], fixed: string | null): void {
    const rows = words.map(({ text, before, after, exact }, at) => {
      const remove = button("×", fixed ?? "Watch it no more", () => this.#removed(at));
      remove.disabled = fixed !== null;
      remove.setAttribute("aria-label", `Watch ${text.trim()} no more`);
      const known = before !== null && after.length > 0;
      const said = known
        ? `${digits(before)} → ${exact ? "" : "≈ "}${after.map(digits).join(" · ")}`
        : "working it out …";
      const title = known ? `${allDigits(before)} → ${after.map(allDigits).join(" and ")}` : "";
      return div(
        "st-word",
        token(text, 18),
        h("span", { title }, said),
        h("span", { class: "st-shift" }, known ? shift(before, after[0]!) : ""),
        remove,
      );
    });
    // The field keeps what is being typed: it moves only when it is not there yet.
    this.#list.replaceChildren(...rows);
    if (fixed === null && !this.#picker.el.isConnected) this.el.append(this.#picker.el);
    if (fixed !== null) this.#picker.el.remove();
  }
}

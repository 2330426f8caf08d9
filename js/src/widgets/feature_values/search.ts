// Find features by what their label says, or by their number.

import { h, on } from "../../core/dom";

export class Search {
  readonly el = h("div", { class: "iw-find fea-find", role: "search" });
  #input = h("input", {
    type: "search",
    placeholder: "find a label or number",
    "aria-label": "Find a feature",
  });
  #count = h("span", { "aria-live": "polite" });

  constructor(seek: (find: string) => void, take: () => void, signal: AbortSignal) {
    this.el.append(this.#input, this.#count);
    on(this.#input, "input", () => seek(this.#input.value.trim()), signal);
    on(
      this.#input,
      "keydown",
      (event) => {
        event.stopPropagation(); // the notebook and the view have keys of their own
        if (event.key === "Enter") take();
        if (event.key === "Escape") {
          this.#input.value = "";
          seek("");
        }
      },
      signal,
    );
  }

  say(total: number | null, find: string): void {
    this.#count.textContent =
      find === "" ? "" : total === null ? "…" : total === 0 ? "not found" : `${total} found`;
  }
}

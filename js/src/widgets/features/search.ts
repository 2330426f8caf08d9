// The search box: a pause in typing searches, Enter searches at once, Escape empties it.

import { ended, h, on } from "../../core/dom";

const PAUSE = 220; // milliseconds after the last letter

export class SearchBox {
  readonly el = h("input", {
    class: "feat-search",
    type: "search",
    "aria-label": "Search",
    autocomplete: "off",
  });

  constructor(search: (query: string) => void, leave: () => void, signal: AbortSignal) {
    let typing = 0;
    const send = () => {
      clearTimeout(typing);
      search(this.el.value);
    };
    this.el.title =
      "Searches labels, tokens it fires on and promotes; label:, fires: or promotes: only one of them";
    ended(signal, () => clearTimeout(typing));
    on(this.el, "input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(send, PAUSE);
    });
    on(this.el, "keydown", (event) => {
      event.stopPropagation(); // the notebook and the view have keys of their own
      if (event.key === "Escape") this.el.value = "";
      if (/^(Escape|Enter)$/.test(event.key)) send();
      if (/^(Escape|ArrowDown)$/.test(event.key)) leave();
    });
  }

  update(query: string, fixed: boolean): void {
    const { el } = this;
    if (!el.matches(":focus")) el.value = query;
    el.disabled = fixed;
    el.placeholder = fixed ? "searching needs the notebook" : "search label, token, logit …";
  }
}

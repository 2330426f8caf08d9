// Choose a token of the vocabulary by typing part of it: Python finds, the page offers, Enter takes the first.

import { div, h, on } from "./dom";
import { label } from "./format";
import { NotRecorded, type Requests, Superseded } from "./requests";

export { default as pickerStyles } from "./picker.css";

export interface Token {
  id: number;
  text: string;
}

/** What Python's `find_tokens` answers. */
interface Found {
  ids: number[];
  texts: string[];
}

export class TokenPicker {
  readonly el = div("iw-find iw-picker");
  #input: HTMLInputElement;
  #list = h("div", { class: "iw-offers", role: "listbox", hidden: true });
  #offers: Token[] = [];

  constructor(name: string, requests: Requests, picked: (token: Token) => void, signal: AbortSignal) {
    this.#input = h("input", { type: "search", placeholder: name, "aria-label": name, autocomplete: "off" });
    this.el.append(this.#input, this.#list);
    const take = (token: Token | undefined) => {
      if (!token) return;
      this.#input.value = "";
      this.#offer([]);
      picked(token);
    };
    on(
      this.#input,
      "input",
      () => {
        const text = this.#input.value;
        if (text.trim() === "") return this.#offer([]);
        requests.ask<Found>("find_tokens", { text }, "find_tokens").then(
          ({ ids, texts }) => {
            if (this.#input.value !== text || signal.aborted) return;
            this.#offer(ids.map((id, i) => ({ id, text: texts[i]! })));
            if (ids.length === 0) this.#say("no token says this");
          },
          (error) => {
            if (error instanceof Superseded || signal.aborted) return;
            this.#say(error instanceof NotRecorded ? "searching needs the notebook" : String(error.message));
          },
        );
      },
      signal,
    );
    on(
      this.#input,
      "keydown",
      (event) => {
        event.stopPropagation(); // the notebook and the view have keys of their own
        if (event.key === "Enter") take(this.#offers[0]);
        if (event.key === "Escape") this.#offer([]);
        if (event.key === "ArrowDown") (this.#list.firstElementChild as HTMLElement | null)?.focus();
      },
      signal,
    );
    on(
      this.#list,
      "keydown",
      (event) => {
        event.stopPropagation();
        const now = event.target as HTMLElement;
        const next = event.key === "ArrowDown" ? now.nextElementSibling : now.previousElementSibling;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
          event.preventDefault();
          ((next ?? this.#input) as HTMLElement).focus();
        }
        if (event.key === "Escape") this.#offer([]);
      },
      signal,
    );
    on(
      this.#list,
      "click",
      (event) => {
        const at = (event.target as Element).closest<HTMLElement>("[data-at]")?.dataset.at;
        if (at !== undefined) take(this.#offers[Number(at)]);
      },
      signal,
    );
    on(
      this.el,
      "focusout",
      (event) => {
        if (!this.el.contains(event.relatedTarget as Node | null)) this.#offer([]);
      },
      signal,
    );
  }

  #offer(tokens: Token[]): void {
    this.#offers = tokens;
    this.#list.hidden = tokens.length === 0;
    this.#list.replaceChildren(
      ...tokens.map(({ id, text }, at) =>
        h(
          "button",
          { type: "button", role: "option", "data-at": at, title: `token ${id}` },
          label(text, 24),
          h("span", { class: "iw-index" }, ` ${id}`),
        ),
      ),
    );
  }

  #say(text: string): void {
    this.#offers = [];
    this.#list.hidden = false;
    this.#list.replaceChildren(h("span", { class: "iw-index" }, text));
  }
}

// A field that looks for things while one types: results below it, arrows and Enter choose.

import { div, ended, h, numbered, on } from "../../core/dom";
import { label } from "../../core/format";
import { NotRecorded, Superseded } from "../../core/requests";

export interface Offer {
  /** What is taken; "" for a sentence that cannot be. */
  text: string;
  label: string;
  why: string;
}

const PAUSE = 150; // milliseconds after the last letter

export class Search {
  readonly el = div("st-search");
  #input: HTMLInputElement;
  #list = h("div", { class: "st-found", role: "listbox", hidden: true });
  #offers: readonly Offer[] = [];

  constructor(
    name: string,
    hint: string,
    find: (text: string) => Promise<readonly Offer[]>,
    taken: (text: string) => void,
    signal: AbortSignal,
  ) {
    this.#input = h("input", { type: "search", autocomplete: "off", "aria-label": name, placeholder: hint });
    this.el.append(this.#input, this.#list);
    const input = this.#input;
    let typing = 0;
    ended(signal, () => clearTimeout(typing));
    const search = (enter = false) => {
      const text = input.value.trim();
      if (text === "") return this.#offer(null);
      find(text).then(
        (found) => {
          if (input.value.trim() !== text) return;
          if (enter && found[0]?.text) take(found[0].text);
          else this.#offer(found);
        },
        (error) => {
          if (error instanceof Superseded || signal.aborted) return;
          const why = error instanceof NotRecorded ? "searching needs the notebook" : String(error.message);
          this.#offer([{ text: "", label: "", why }]);
        },
      );
    };
    const take = (text = "") => {
      if (text === "") return;
      clearTimeout(typing);
      input.value = "";
      this.#offer(null);
      input.focus();
      taken(text);
    };
    on(input, "input", () => {
      clearTimeout(typing);
      this.#offers = []; // they answer what was typed before
      typing = window.setTimeout(() => search(), PAUSE);
    });
    on(this.el, "keydown", (event) => {
      event.stopPropagation(); // the notebook and the panel have keys of their own
      const here = event.target as HTMLElement;
      const results = [...this.#list.querySelectorAll("button")];
      const at = results.indexOf(here as HTMLButtonElement);
      if (event.key === "Escape") this.#offer(null);
      if (event.key === "Enter" && here === input) {
        event.preventDefault();
        clearTimeout(typing);
        if (this.#offers[0]?.text) take(this.#offers[0].text);
        else search(true);
      }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      (results[at + (event.key === "ArrowDown" ? 1 : -1)] ?? input).focus();
    });
    on(this.#list, "click", (event) => take(this.#offers[numbered("at")(event) ?? -1]?.text));
    on(this.el, "focusout", (event) => {
      if (!this.el.contains(event.relatedTarget as Node | null)) this.#offer(null);
    });
  }

  #offer(offers: readonly Offer[] | null): void {
    this.#offers = offers ?? [];
    this.#list.hidden = offers === null;
    const shown = this.#offers.length ? this.#offers : [{ text: "", label: "", why: "nothing says this" }];
    this.#list.replaceChildren(
      ...shown.map(({ text, label: about, why }, at) => {
        const reason = h("span", { class: "iw-index" }, why);
        if (text === "") return reason;
        const row = h("button", {
          type: "button",
          role: "option",
          "data-at": at,
          title: `${text}\n${about}`,
        });
        row.append(h("b", {}, label(text, 32)), h("span", {}, about), reason);
        return row;
      }),
    );
  }
}

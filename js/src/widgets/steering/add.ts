// What else to steer with: one search field for everything, and a form for a difference of means.

import { button, div, h, on } from "../../core/dom";
import type { Requests } from "../../core/requests";
import type { ViewInfo } from "./data";
import { type Offer, Search } from "./search";

export interface AddEvents {
  add(text: string): void;
  difference(form: Record<string, unknown>): void;
}

export class AddTargets {
  readonly el = div("st-add");
  #form = div("st-difference");
  #site = h("select", { "aria-label": "Site" });
  #sites = "";
  #dictionaries = 0;

  constructor(requests: Requests, events: AddEvents, signal: AbortSignal) {
    const search = new Search(
      "Add a target",
      "add: 871, a label, a word, head 2.1, neuron 3.17 …",
      async (text) => {
        const params = { text, dictionaries: this.#dictionaries };
        return (await requests.ask<{ found: Offer[] }>("search", params)).found;
      },
      events.add,
      signal,
    );
    const open = button("difference of means …", "A direction from two lists of prompts", () => {
      this.#form.hidden = !this.#form.hidden;
      open.setAttribute("aria-expanded", String(!this.#form.hidden));
    });
    const area = (name: string) => {
      const text = h("textarea", { rows: 4, "aria-label": name, spellcheck: false, dir: "auto" });
      this.#form.append(h("label", {}, h("span", {}, name), text));
      return () => text.value.split("\n").filter((line) => line.trim() !== "");
    };
    const positive = area("Prompts with it, one per line");
    const negative = area("Prompts without it, one per line");
    const name = h("input", { type: "text", "aria-label": "Name", placeholder: "name" });
    const at = h("select", { "aria-label": "Which tokens are averaged" });
    at.append(
      h("option", { value: "mean" }, "mean over tokens"),
      h("option", { value: "last" }, "last token"),
    );
    const make = button("add the difference", "Mean of the first list minus mean of the second", () => {
      const lists = { positive: positive(), negative: negative() };
      events.difference({ ...lists, site: this.#site.value, name: name.value, at: at.value });
    });
    this.#form.hidden = true;
    this.#form.append(div("st-line", this.#site, at, name, make));
    on(this.#form, "keydown", (event) => event.stopPropagation());
    this.el.append(search.el, open, this.#form);
  }

  update({ sites, dictionaries }: ViewInfo, fixed: string | null): void {
    this.#dictionaries = dictionaries;
    this.el.hidden = fixed !== null;
    const key = sites.join();
    if (key === this.#sites) return;
    this.#sites = key;
    this.#site.replaceChildren(...sites.map((site) => h("option", { value: site }, site)));
    const stream = sites.filter((site) => site.startsWith("resid_post"));
    this.#site.value = stream[stream.length >> 1] ?? sites[0] ?? "";
  }
}

// A column chosen from a menu.

import { div, h, on } from "../../core/dom";

export class ColumnMenu {
  readonly el = div("iw-control");
  #select: HTMLSelectElement;
  #offered = "";

  constructor(name: string, chosen: (column: string) => void) {
    this.#select = h("select", { "aria-label": name });
    this.el.append(h("span", {}, name), this.#select);
    on(this.#select, "change", () => chosen(this.#select.value));
  }

  update(columns: readonly string[], value: string): void {
    if (columns.join() !== this.#offered) {
      this.#offered = columns.join();
      this.#select.replaceChildren(...columns.map((name) => h("option", { value: name }, name)));
    }
    this.#select.value = value;
  }
}

// Ranges of columns as removable chips: typed here, or drawn as a box in the picture of all features.

import { button, div, h, on } from "../../core/dom";
import type { Filters } from "./data";

export class FilterChips {
  readonly el = div("feat-filters");
  #changed: (filters: Filters) => void;
  #shown = "";

  constructor(changed: (filters: Filters) => void) {
    this.#changed = changed;
  }

  update(filters: Filters, columns: readonly string[], fixed: boolean): void {
    const now = JSON.stringify([filters, columns, fixed]);
    if (now === this.#shown) return;
    this.#shown = now;
    const names = Object.keys(filters);
    const add = h("select", { "aria-label": "Filter by a column", disabled: fixed });
    const free = columns.filter((name) => !names.includes(name));
    add.append(...["", ...free].map((name) => h("option", { value: name }, name || "+ filter")));
    on(add, "change", () => {
      this.update({ ...filters, [add.value]: [null, null] }, columns, fixed);
      // The new chip stands last: its first field waits for a number.
      [...this.el.querySelectorAll("input")].at(-2)?.focus();
    });
    this.el.replaceChildren(...names.map((name) => this.#chip(name, filters, fixed)), add);
  }

  #chip(name: string, filters: Filters, fixed: boolean): HTMLElement {
    const ends = filters[name]!;
    const fields = ends.map((end, side) => {
      // Small numbers are shown by their powers of ten, all others as they are.
      const value = end !== null && end !== 0 && Math.abs(end) < 1e-3 ? end.toExponential() : end;
      const placeholder = side ? "most" : "least";
      const label = `${name}: ${placeholder}`;
      return h("input", {
        ...{ type: "number", step: "any", disabled: fixed, value, placeholder },
        "aria-label": label,
      });
    });
    for (const field of fields) {
      on(field, "change", () => {
        const range = fields.map((input) => (input.value === "" ? null : Number(input.value)));
        if (range[0]! > range[1]! && range[1] !== null) range.reverse();
        this.#changed({ ...filters, [name]: range as Filters[string] });
      });
      // The notebook and the view have keys of their own.
      on(field, "keydown", (event) => event.stopPropagation());
    }
    const { [name]: _, ...without } = filters;
    const remove = button("×", `No filter by ${name}`, () => this.#changed(without));
    remove.disabled = fixed;
    return div("feat-chip", name, fields[0]!, "–", fields[1]!, remove);
  }
}

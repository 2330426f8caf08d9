// A feature's label, written in place: Enter saves, Escape gives up, and what could not be saved says why.

import { button, div, h, on } from "../../core/dom";
import type { Requests } from "../../core/requests";
import { messageOf } from "./data";

export class LabelEditor {
  readonly el = div("feat-label");
  #text = button("", "Write a label for this feature", () => this.edit());
  #input = h("input", { type: "text", "aria-label": "Label of this feature", maxlength: 400, hidden: true });
  #said = h("span", { class: "feat-said", role: "status" });
  #requests: Requests;
  #feature: number | null = null;
  #label = "";
  #turn = 0;

  constructor(requests: Requests, signal: AbortSignal) {
    this.#requests = requests;
    this.#input.placeholder = "a label, then Enter";
    this.el.append(this.#text, this.#input, this.#said);
    on(
      this.#input,
      "keydown",
      (event) => {
        event.stopPropagation(); // the notebook and the view have keys of their own
        if (event.key === "Enter") void this.#save();
        if (event.key === "Escape") this.#close("");
      },
      signal,
    );
    // What was typed is not lost when the reader goes on to something else.
    on(this.#input, "blur", () => !this.#input.hidden && void this.#save(), signal);
  }

  update(feature: number, label: string, fires: string, fixed: boolean): void {
    if (feature !== this.#feature) {
      if (!this.#input.hidden) void this.#save();
      this.#feature = feature;
      this.#close("");
    }
    this.#label = label;
    this.#text.disabled = fixed;
    this.#text.title = fixed ? "Labels are written in the notebook" : "Edit the label";
    this.#text.textContent = label || `(${fires})`;
    this.#text.toggleAttribute("data-empty", label === "");
  }

  edit(): void {
    if (this.#text.disabled || this.#feature === null) return;
    this.#said.textContent = "";
    this.#input.value = this.#label;
    this.#text.hidden = true;
    this.#input.hidden = false;
    this.#input.focus();
    this.#input.select();
  }

  #close(said: string): void {
    this.#input.hidden = true;
    this.#text.hidden = false;
    this.#said.textContent = said;
  }

  async #save(): Promise<void> {
    const [feature, label] = [this.#feature, this.#input.value.trim()];
    if (label === this.#label) return this.#close("");
    this.#close("saving …");
    // The same words may be saved twice with others between: each act is a question of its own.
    const turn = `${Date.now()} ${this.#turn++}`;
    try {
      await this.#requests.ask("set_label", { feature, label, turn }, `set_label ${feature}`);
      if (this.#feature === feature) this.#said.textContent = "saved";
    } catch (error) {
      if (this.#feature !== feature) return;
      this.edit();
      this.#input.value = label;
      this.#said.textContent = `not saved: ${messageOf(error)}`;
    }
  }
}

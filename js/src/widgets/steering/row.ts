// One target: its name, what is done with it, how strongly, and what that does to the first watched word.

import { button, div, h, on } from "../../core/dom";
import { allDigits, digits } from "../../core/format";
import type { Fonts } from "../../core/pen";
import { rangeOf, type TargetInfo } from "./data";
import { Slider, type SliderState } from "./slider";

export interface RowEvents {
  chosen(): void;
  touched(): void;
  moved(value: number): void;
  rested(): void;
  /** A number typed, or null for off. */
  typed(value: number | null): void;
  neutral(): void;
  mode(mode: string): void;
  toggled(): void;
  removed(): void;
}

export interface RowState extends Omit<SliderState, "low" | "high" | "neutral"> {
  mode: string;
  chosen: boolean;
  /** Why targets cannot be changed here, on a saved page. */
  fixed: string | null;
  limited: boolean;
}

export class TargetRow {
  readonly el = div("st-row");
  readonly target: TargetInfo;
  #slider: Slider;
  #field = h("input", { type: "number", step: "any" });
  #mode = h("select");
  #power: HTMLButtonElement;
  #remove: HTMLButtonElement;
  #axis = div("st-axis", h("span"), h("span", { class: "st-unit" }), h("span"));

  constructor(target: TargetInfo, fonts: () => Fonts, events: RowEvents, signal: AbortSignal) {
    this.target = target;
    this.#slider = new Slider(fonts, events, signal);
    this.#power = button("", `Turn ${target.name} on or off`, () => events.toggled());
    this.#power.className = "st-power";
    this.#remove = button("×", `Remove ${target.name}`, () => events.removed());
    this.#field.setAttribute("aria-label", `Exact strength of ${target.name}`);
    this.#power.setAttribute("aria-label", `Turn ${target.name} on or off`);
    this.#remove.setAttribute("aria-label", `Remove ${target.name}`);
    this.#mode.setAttribute("aria-label", `What is done with ${target.name}`);
    for (const mode of target.modes) this.#mode.append(h("option", { value: mode }, mode));
    const name = h("button", { type: "button", class: "st-name", title: `${target.name}\n${target.label}` });
    name.append(h("b", {}, target.name), h("span", {}, target.label));
    on(name, "click", () => events.chosen());
    on(this.#mode, "change", () => events.mode(this.#mode.value));
    on(this.#field, "change", () => {
      const value = Number(this.#field.value);
      if (this.#field.value === "") events.typed(null);
      else if (Number.isFinite(value)) events.typed(value);
    });
    on(this.#field, "keydown", (event) => event.key !== "Escape" && event.stopPropagation());
    const where = h("span", { class: "st-where", title: target.where }, target.where);
    this.el.append(
      div("st-top", this.#power, name, where, this.#mode, this.#remove),
      div("st-dose", this.#slider.el, this.#field),
      this.#axis,
    );
  }

  /** The range of the slider, wide enough for a strength that was set from Python. */
  range(mode: string, value: number | null) {
    const range = rangeOf(this.target, mode);
    if (value === null) return range;
    return { ...range, low: Math.min(range.low, value), high: Math.max(range.high, value) };
  }

  update(state: RowState): void {
    const { mode, value, fixed } = state;
    const range = this.range(mode, value);
    this.#slider.update({ ...state, ...range }, this.target.name);
    this.el.toggleAttribute("data-chosen", state.chosen);
    this.el.toggleAttribute("data-off", value === null);
    this.#power.setAttribute("aria-pressed", String(value !== null));
    const live = this.#field.getRootNode() as ShadowRoot;
    if (live.activeElement !== this.#field || this.#field.value === "")
      this.#field.value = value === null ? "" : String(Number(value.toPrecision(5)));
    this.#field.title = value === null ? "off" : allDigits(value);
    this.#field.placeholder = "off";
    this.#field.readOnly = fixed !== null;
    this.#mode.value = mode;
    this.#mode.disabled = fixed !== null || this.target.modes.length < 2;
    this.#mode.hidden = this.target.modes.length < 2;
    this.#remove.disabled = fixed !== null;
    if (fixed) for (const el of [this.#mode, this.#remove]) el.title = fixed;
    const [low, unit, high] = [...this.#axis.children] as HTMLElement[];
    low!.textContent = digits(range.low);
    high!.textContent = digits(range.high);
    unit!.textContent = state.limited ? "held back by the limit" : range.unit;
    unit!.toggleAttribute("data-limited", state.limited);
  }
}

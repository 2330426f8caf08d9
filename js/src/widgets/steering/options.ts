// The title line: which tokens are steered, live or frozen attention, and how text is written.

import { Chooser } from "../../core/controls";
import { div, h, on } from "../../core/dom";

export interface Options {
  positions: string | number;
  attention: string;
  tokens: number;
  frozen: string | null;
  fixed: string | null;
  sampling: Record<string, number>;
}

const FIELDS = [
  ["max_new_tokens", "new tokens", 1, 1],
  ["temperature", "temperature", 0, 0.1],
  ["top_k", "top-k (0 = all)", 0, 1],
  ["top_p", "top-p (1 = all)", 0.05, 0.05],
  ["seed", "seed", 0, 1],
] as const;
export const SAMPLING = FIELDS.map(([name]) => name);

/** How text is written, in words. */
export function samplingWords(sampling: Record<string, number>): string {
  const { max_new_tokens, temperature, top_k, top_p, seed } = sampling;
  const most = `at most ${max_new_tokens} tokens`;
  if (!temperature) return `likeliest token each time, ${most}`;
  const kept = [top_k ? `top-k ${top_k}` : "", top_p! < 1 ? `top-p ${top_p}` : ""].filter(Boolean);
  return [`temperature ${temperature}`, ...kept, `seed ${seed} for both`, most].join(", ");
}

export class OptionControls {
  readonly els: HTMLElement[];
  #positions: Chooser<string>;
  #from = h("input", { type: "number", min: 0, step: 1, "aria-label": "First steered token" });
  #attention: Chooser<string>;
  #summary = h("summary");
  #eager = h("input", { type: "checkbox" });
  #inputs = new Map<string, HTMLInputElement>();
  #offered = "";

  constructor(choose: (values: Record<string, unknown>) => void, signal: AbortSignal) {
    this.#positions = new Chooser("steer", (value) => {
      choose({ positions: value === "token on" ? Number(this.#from.value) || 0 : value });
    });
    this.#attention = new Chooser("attention", (attention) => choose({ attention }));
    on(this.#from, "change", () =>
      choose({
        positions: Math.max(0, Math.min(Number(this.#from.max), Math.round(Number(this.#from.value)))),
      }),
    );
    const panel = div("st-fields");
    for (const [name, label, min, step] of FIELDS) {
      const input = h("input", { type: "number", min, step });
      on(input, "change", () => {
        const whole = Number.isInteger(step) ? Math.round(Number(input.value)) : Number(input.value);
        const value = Math.max(min, name === "top_p" ? Math.min(1, whole) : whole);
        input.value = String(value);
        choose({ [name]: value });
      });
      this.#inputs.set(name, input);
      panel.append(h("label", {}, h("span", {}, label), input));
    }
    panel.append(h("label", {}, h("span", {}, "write while dragging"), this.#eager));
    const menu = h("details", { class: "st-sampling" }, this.#summary, panel);
    for (const el of [this.#from, panel])
      on(el, "keydown", (event) => {
        if (event.key === "Escape") menu.open = false;
        event.stopPropagation();
      });
    on(menu, "focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget as Node)) menu.open = false;
    });
    this.els = [div("st-positions", this.#positions.el, this.#from), this.#attention.el, menu];
    signal.addEventListener("abort", () => menu.remove(), { once: true });
  }

  /** Whether texts are written while a slider still moves. */
  get eager(): boolean {
    return this.#eager.checked;
  }

  update({ positions, attention, tokens, frozen, fixed, sampling }: Options): void {
    const from = typeof positions === "number";
    const offered = JSON.stringify([frozen, fixed]);
    if (offered !== this.#offered) {
      this.#offered = offered;
      const choices = (names: string[], reason: (name: string) => string | null) =>
        names.map((value) => ({
          value,
          label: value === "token on" ? "from token" : value,
          reason: reason(value),
        }));
      this.#positions.offer(
        choices(["all", "prompt", "generated", "token on"], () => fixed),
        "all",
      );
      this.#attention.offer(
        choices(["live", "frozen", "both"], (name) => fixed ?? (name === "live" ? null : frozen)),
        "live",
      );
    }
    this.#positions.set(from ? "token on" : positions);
    this.#attention.set(attention);
    this.#from.hidden = !from;
    this.#from.max = String(tokens);
    this.#from.disabled = fixed !== null;
    if (from && !this.#from.matches(":focus")) this.#from.value = String(positions);
    for (const [name, input] of this.#inputs) {
      if (!input.matches(":focus")) input.value = String(sampling[name]);
      input.disabled = fixed !== null;
      input.title = fixed ?? "";
    }
    this.#eager.disabled = fixed !== null;
    this.#summary.textContent = sampling.temperature
      ? `sampling: T ${sampling.temperature}`
      : "sampling: greedy";
    this.#summary.title = samplingWords(sampling);
  }
}

// One prototype: its weight for the class, and the six reasons for its similarity.

import { button, div, h, on } from "../../core/dom";
import { allDigits, digits } from "../../core/format";
import type { Reading, Reasons } from "./data";

export interface DetailState {
  reading: Reading;
  prototype: number;
  reasons: Reasons | undefined;
  /** Why there are none. */
  waiting: string;
  flagged: string | undefined;
  off: boolean;
  changes: number;
  editable: boolean;
}

export interface DetailEvents {
  weight(prototype: number, class_: number, value: number | null): void;
  toggle(prototype: number): void;
  reset(): void;
}

export class Detail {
  readonly el = div("pro-detail");
  #title = h("p", { class: "pro-title" });
  #flag = h("p", { class: "pro-warning", hidden: true });
  #groups = h("p", { class: "iw-note" });
  #slider = h("input", { type: "range", step: "any", "aria-label": "Weight" });
  #number = h("input", { type: "number", step: "any", "aria-label": "Weight" });
  #name = h("span");
  #switch: HTMLButtonElement;
  #reset: HTMLButtonElement;
  #weight: HTMLElement;
  #reasonsNote = h("p", { class: "iw-note" });
  #bars = div("pro-reasons");
  #state: DetailState | null = null;

  constructor(events: DetailEvents, signal: AbortSignal) {
    const set = (text: string) => {
      const value = text.trim() === "" ? null : Number(text);
      if (this.#state && (value === null || Number.isFinite(value)))
        events.weight(this.#state.prototype, this.#state.reading.class_, value);
    };
    on(this.#slider, "input", () => set(this.#slider.value), signal);
    on(this.#number, "change", () => set(this.#number.value), signal);
    this.#switch = button("switch off", "Switch this prototype off or on (space)", () => {
      if (this.#state) events.toggle(this.#state.prototype);
    });
    this.#reset = button("reset all", "The network's own weights (r)", () => events.reset());
    this.#weight = div("pro-weight", this.#name, this.#slider, this.#number, this.#switch, this.#reset);
    this.el.append(this.#title, this.#flag, this.#groups, this.#weight, this.#reasonsNote, this.#bars);
  }

  update(state: DetailState): void {
    this.#state = state;
    const { reading, prototype, flagged, off, changes, editable } = state;
    const c = reading.class_;
    this.#title.textContent = capital(reading.name(prototype));
    this.#flag.hidden = !flagged;
    this.#flag.textContent = flagged ? `May mislead: ${flagged}` : "";
    const shares = reading.shares(prototype).slice(0, 6);
    this.#groups.hidden = shares.length === 0;
    this.#groups.textContent = `Share of ${shares.map(([g, share]) => `group ${g}: ${digits(share)}`).join(" · ")}`;
    this.#weight.hidden = !editable;
    const own = reading.weight(c, prototype, true);
    const now = reading.weight(c, prototype);
    let far = 1;
    for (let p = 0; p < reading.count; p++) {
      const w = Math.abs(reading.weight(c, p, true));
      if (Number.isFinite(w)) far = Math.max(far, w);
    }
    const end = Math.max(2 * far, Math.abs(now));
    this.#slider.min = String(-end);
    this.#slider.max = String(end);
    // A value that is being typed or dragged is left alone.
    const active = (this.el.getRootNode() as ShadowRoot | Document).activeElement;
    if (active !== this.#slider || Number(this.#slider.value) !== now) this.#slider.value = String(now);
    if (active !== this.#number) this.#number.value = String(Number(now.toPrecision(5)));
    this.#slider.disabled = this.#number.disabled = off;
    this.#name.textContent = `weight for ${reading.info.classes[c]}`;
    this.#name.title = `The network's own: ${allDigits(own)}`;
    this.#name.toggleAttribute("data-changed", now !== own);
    this.#switch.textContent = off ? "switch on" : "switch off";
    this.#reset.disabled = changes === 0;
    this.#drawReasons(state);
  }

  #drawReasons({ reasons, prototype, waiting, reading }: DetailState): void {
    const rows = reasons?.names.length ?? 0;
    this.#bars.hidden = rows === 0;
    if (!reasons || !rows) {
      this.#reasonsNote.textContent = waiting;
      return;
    }
    const of = (what: Reasons["local"]) =>
      what ? [...what.data.subarray(rows * prototype, rows * (prototype + 1))] : null;
    const [local, all] = [of(reasons.local), of(reasons.everywhere)];
    const lanes = [
      local && { values: local, name: "this image", kind: "local" },
      all && { values: all, name: `${reasons.n_images.toLocaleString("en")} images`, kind: "all" },
    ].filter((lane) => lane !== null);
    const finite = lanes.flatMap((lane) => lane!.values).filter(Number.isFinite);
    const low = Math.min(0, ...finite);
    const high = Math.max(0, ...finite, low === 0 && !finite.some((v) => v > 0) ? 1 : 0);
    const unit = 100 / (high - low || 1);
    const zero = -low * unit;
    this.#reasonsNote.textContent =
      `Why ${digits(reading.similarity(prototype))} similar: similarity lost when only this is changed` +
      (lanes.length > 1 ? " (thin: mean over the data)" : "");
    const head = [h("span"), h("span"), ...lanes.map((lane) => h("span", { class: "pro-lane" }, lane!.name))];
    this.#bars.style.setProperty("--lanes", String(lanes.length));
    this.#bars.replaceChildren(
      ...head,
      ...reasons.names.flatMap((name, i) => {
        const track = div("pro-track", h("b", { style: `left:${zero.toFixed(1)}%` }));
        for (const lane of lanes) {
          const value = lane!.values[i]!;
          if (!Number.isFinite(value)) {
            track.append(h("i", { "data-lane": lane!.kind, "data-sign": "other" }));
            continue;
          }
          const length = Math.abs(value) * unit;
          const left = value < 0 ? zero - length : zero;
          track.append(
            h("i", {
              style: `left:${left.toFixed(2)}%;width:${length.toFixed(2)}%`,
              "data-lane": lane!.kind,
              "data-sign": value < 0 ? "negative" : "positive",
            }),
          );
        }
        const numbers = lanes.map((lane) =>
          h("span", { class: "pro-lane", title: allDigits(lane!.values[i]!) }, signed(lane!.values[i]!)),
        );
        return [h("span", {}, name), track, ...numbers];
      }),
    );
  }
}

function signed(value: number): string {
  return value > 0 ? `+${digits(value)}` : digits(value);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

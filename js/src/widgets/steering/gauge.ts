// How far the steered model has moved from the default one, against the limit that a reader has set.

import { button, div, h, on } from "../../core/dom";
import { allDigits, digits } from "../../core/format";

export interface GaugeState {
  /** Nats per token, one for each way of attention; null until known. */
  values: number[] | null;
  exact: boolean;
  limit: number | null;
  limited: boolean;
  fixed: string | null;
}

/** The end of the gauge: the next of 1, 2, 5 times a power of ten. */
export function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 0.1)));
  return power * ([1, 2, 5, 10].find((n) => n * power >= value * 0.999) ?? 10);
}

export class KlGauge {
  readonly el = div("st-gauge");
  #words = h("p", { class: "iw-note" });
  #fills = div("st-fills");
  #bar = div("st-kl");
  #mark = h("div", { class: "st-limit", role: "slider", tabindex: 0, "aria-label": "Limit, nats per token" });
  #field = h("input", { type: "number", min: 0, step: "any", placeholder: "none" });
  #clear: HTMLButtonElement;
  #end = h("span");
  #top = 1;
  #values: number[] = [];
  #state: GaugeState | null = null;
  #dragged: number | null = null;

  constructor(limited: (limit: number | null) => void, signal: AbortSignal) {
    this.#field.setAttribute("aria-label", "Limit in nats per token; empty for none");
    this.#clear = button("no limit", "Take the limit away", () => limited(null));
    const ends = div("st-scale", h("span", {}, "0"), this.#end);
    this.#bar.append(this.#fills, this.#mark);
    this.el.append(
      this.#words,
      div(
        "st-gauge-line",
        div("st-gauge-bar", this.#bar, ends),
        h("span", {}, "limit"),
        this.#field,
        this.#clear,
      ),
    );
    on(this.#field, "keydown", (event) => event.stopPropagation(), signal);
    on(
      this.#field,
      "change",
      () => {
        const value = Number(this.#field.value);
        limited(this.#field.value !== "" && value > 0 ? value : null);
      },
      signal,
    );
    on(this.#mark, "pointerdown", (event) => {
      if (this.#state?.fixed) return;
      this.#mark.setPointerCapture(event.pointerId);
      this.#dragged = this.#state?.limit ?? this.#top;
    });
    on(this.#mark, "pointermove", (event) => {
      if (this.#dragged === null) return;
      const box = this.#bar.getBoundingClientRect();
      const share = Math.max(0.01, Math.min(1, (event.clientX - box.left) / box.width));
      this.#dragged = Number((share * this.#top).toPrecision(3));
      if (this.#state) this.update(this.#state);
    });
    const drop = () => {
      const value = this.#dragged;
      this.#dragged = null;
      if (value !== null) limited(value >= this.#top * 0.995 && this.#state?.limit === null ? null : value);
    };
    on(this.#mark, "pointerup", drop);
    on(this.#mark, "pointercancel", drop);
    on(this.#mark, "keydown", (event) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (by === undefined || this.#state?.fixed) return;
      event.preventDefault();
      event.stopPropagation();
      const step = (this.#top / 100) * (event.shiftKey ? 10 : 1);
      limited(Number(Math.max(step, (this.#state?.limit ?? this.#top) + by * step).toPrecision(3)));
    });
  }

  get words(): string {
    return this.#words.textContent ?? "";
  }

  update(state: GaugeState): void {
    this.#state = state;
    const limit = this.#dragged ?? state.limit;
    const { values, exact, fixed } = state;
    const most = Math.max(0, ...(values ?? this.#values).filter(Number.isFinite));
    if (this.#dragged === null) this.#top = ceiling(Math.max(0.2, 1.25 * most, 1.25 * (limit ?? 0)));
    const share = (value: number) => `${(100 * Math.min(1, value / this.#top)).toFixed(2)}%`;
    // The mark itself stays: what is under the hand must not leave the page.
    this.#fills.toggleAttribute("data-stale", values === null);
    const fills = values ?? this.#values;
    this.#values = fills;
    this.#fills.replaceChildren(
      ...fills.map((value, v) =>
        h("i", {
          ...{ class: v ? "st-frozen" : "st-live", title: allDigits(value), "data-approximate": !exact },
          style: `width:${share(value)}`,
        }),
      ),
    );
    this.#mark.style.left = share(limit ?? this.#top);
    this.#mark.toggleAttribute("data-none", limit === null);
    this.#mark.title = fixed ?? "Drag to set the limit";
    this.#mark.setAttribute("aria-valuenow", String(limit ?? this.#top));
    this.#mark.setAttribute(
      "aria-valuetext",
      limit === null ? "no limit" : `${digits(limit)} nats per token`,
    );
    const said = values === null ? "…" : `${exact ? "" : "≈ "}${values.map(digits).join(" live · ")}`;
    const way = (values?.length ?? 0) > 1 ? " frozen" : "";
    this.#words.replaceChildren(
      `KL from the unsteered model: ${said}${way}${limit === null ? "" : ` of ${digits(limit)}`} nats per token`,
      ...(state.limited ? [h("b", {}, " · limit reached: this is the largest change that keeps it")] : []),
    );
    this.#end.textContent = digits(this.#top);
    if ((this.#field.getRootNode() as ShadowRoot).activeElement !== this.#field)
      this.#field.value = limit === null ? "" : String(limit);
    this.#field.disabled = fixed !== null;
    this.#clear.disabled = fixed !== null || state.limit === null;
    this.#field.title = fixed ?? "";
  }
}

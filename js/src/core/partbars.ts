// Named numbers of either sign as bars from one zero line, with their exact digits.

import { div, h, numbered, on } from "./dom";
import { allDigits, digits } from "./format";

export { default as partbarsStyles } from "./partbars.css";

export interface PartBar {
  name: string;
  /** A small number before the name, such as a position. */
  index?: number;
  value: number;
  title?: string;
  chosen?: boolean;
  /** A part that leads nowhere is not a button. */
  fixed?: boolean;
}

export interface PartBarEvents {
  hover?(at: number | null): void;
  click?(at: number): void;
}

/** Where zero lies and how long a unit is, in per cent, so that bars of both signs fit. */
export function track(values: readonly number[]): { zero: number; unit: number } {
  const finite = values.filter(Number.isFinite);
  const low = Math.min(0, ...finite);
  const span = Math.max(0, ...finite) - low || 1;
  return { zero: (-low / span) * 100 || 0, unit: 100 / span };
}

export class PartBars {
  readonly el = div("iw-parts");

  constructor(events: PartBarEvents, signal: AbortSignal) {
    const at = numbered("at");
    on(this.el, "pointerover", (event) => events.hover?.(at(event)), signal);
    on(this.el, "pointerleave", () => events.hover?.(null), signal);
    on(
      this.el,
      "click",
      (event) => {
        const i = at(event);
        if (i !== null && (event.target as Element).closest("button")) events.click?.(i);
      },
      signal,
    );
  }

  /** Draw them; `over` are the numbers that set the scale, where several lists share one. */
  draw(bars: readonly PartBar[], over: readonly number[] = bars.map((bar) => bar.value)): void {
    const { zero, unit } = track(over);
    this.el.replaceChildren(
      ...bars.flatMap((bar, i) => {
        const name = h("button", {
          ...{ type: "button", "data-at": i, "data-chosen": bar.chosen, disabled: bar.fixed },
          title: bar.title ?? bar.name,
        });
        if (bar.index !== undefined) name.append(h("span", { class: "iw-index" }, `${bar.index} `));
        name.append(bar.name);
        const finite = Number.isFinite(bar.value);
        const length = finite ? Math.abs(bar.value) * unit : 0;
        const left = bar.value < 0 ? zero - length : zero;
        const fill = h("i", {
          style: finite ? `left:${left.toFixed(2)}%;width:${length.toFixed(2)}%` : null,
          "data-sign": finite ? (bar.value < 0 ? "negative" : "positive") : "other",
        });
        const line = h("b", { style: `left:${zero.toFixed(2)}%` });
        const value = h("div", { class: "iw-value", "data-at": i, title: allDigits(bar.value) });
        value.append(digits(bar.value));
        return [name, h("div", { class: "iw-track", "data-at": i }, line, fill), value];
      }),
    );
  }
}

// The tokens at one end of the list: bars from a zero line that both ends share, with exact digits.

import { div, h, numbered, pointed } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import { track } from "../../core/partbars";
import { numberOf, type TokenScore } from "./data";

export interface Track {
  /** Where zero lies, and how long one unit is, in per cent. */
  zero: number;
  unit: number;
  /** There are scores below zero: two colours. */
  signed: boolean;
}

/** One zero line and one unit for every bar, whatever its sign. */
export function trackOf(values: readonly number[]): Track {
  const { zero, unit } = track(values);
  return { zero, unit, signed: zero > 0 };
}

export class EndList {
  readonly el = div("vec-end");
  #note = h("p", { class: "iw-note" });
  #bars = div("iw-bars");

  constructor(events: { hover(id: number | null): void; click(id: number): void }, signal: AbortSignal) {
    this.el.append(this.#note, this.#bars);
    pointed(this.#bars, numbered("id"), events, signal);
  }

  draw(
    note: string,
    tokens: readonly TokenScore[],
    { zero, unit, signed }: Track,
    chosen: number | null,
  ): void {
    this.#note.textContent = note;
    const root = this.el.getRootNode() as ShadowRoot;
    const held = this.el.contains(root.activeElement)
      ? root.activeElement?.getAttribute("data-id")
      : undefined;
    this.#bars.replaceChildren(
      ...tokens.flatMap((token) => {
        const score = numberOf(token.score);
        const own = token.id === chosen;
        const name = h(
          "button",
          {
            ...{ type: "button", class: "iw-name", "data-id": token.id, "data-own": own },
            title: `${token.text} (token ${token.id}), rank ${token.rank}`,
          },
          label(token.text, 14),
        );
        const length = Number.isFinite(score) ? Math.abs(score) * unit : 0;
        const left = score < 0 ? zero - length : zero;
        const bar = h("i", {
          style: `left:${left.toFixed(2)}%;width:${length.toFixed(2)}%`,
          "data-sign": !signed ? "none" : score < 0 ? "negative" : "positive",
          "data-own": own,
        });
        const line = h("b", { style: `left:${zero.toFixed(2)}%` });
        const value = h(
          "div",
          { class: "iw-value", "data-id": token.id, title: allDigits(score) },
          digits(score),
        );
        return [name, h("div", { class: "iw-track", "data-id": token.id }, line, bar), value];
      }),
    );
    // Whoever holds a token by the keyboard keeps it when the list is drawn anew.
    if (held) this.el.querySelector<HTMLElement>(`button[data-id="${held}"]`)?.focus({ preventScroll: true });
  }
}

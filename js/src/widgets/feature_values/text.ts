// The text, coloured by one feature or by the error, with the legend of its colours.

import { h } from "../../core/dom";
import { allDigits } from "../../core/format";
import { layers } from "../../core/linear";
import { RangeLegend } from "../../core/range_legend";
import { type StripEvents, TokenStrip } from "../../core/tokens";
import type { Data, Row } from "./data";
import type { Painting } from "./painting";
import type { State } from "./state";

/** The least and greatest value on the text, zeros included where it does not fire. */
export function rangeOf(row: Row, count: number): [number, number] {
  const finite = Array.from(row.values).filter(Number.isFinite);
  const all = row.positions.length < count ? [0, ...finite] : finite;
  return all.length ? [Math.min(...all), Math.max(...all)] : [0, 0];
}

export class Text {
  readonly el = h("div");
  readonly strip: TokenStrip;
  #note = h("p", { class: "iw-note" });
  #legend = new RangeLegend();
  #data: Data;
  #painting: Painting;

  constructor(data: Data, painting: Painting, events: StripEvents, signal: AbortSignal) {
    this.#data = data;
    this.#painting = painting;
    this.strip = new TokenStrip("Tokens", events, signal);
    this.el.append(this.#note, this.strip.el, this.#legend.el);
  }

  draw(state: State, ink: string): void {
    const { info, count } = this.#data;
    const { row, why } = state.colouring;
    const error = state.over.error ? this.#painting.error() : null;
    const by = error ?? row;
    this.strip.offer(info.tokens);
    this.strip.dress((i, span) => {
      const found = this.#painting.token(i, by);
      span.style.background = found ? layers(found.swatch, 0, 20).join(",") : "";
      span.style.color = found?.swatch.ink ?? "";
      span.title = found ? `${i}: ${allDigits(found.value)}` : `${i}`;
    });
    this.strip.mark(state.position, state.over.position);
    this.#note.textContent = error
      ? "The text by its error: what the dictionary misses of each activation."
      : row
        ? `The text by feature ${row.feature}, ${row.label ? `“${row.label}”` : "which has no label"} (${why}).`
        : info.firing === 0
          ? "No feature fires on this text."
          : "…";
    this.#legend.el.hidden = !by;
    const ends = this.#painting.ends(row);
    if (error) this.#legend.draw({ ...this.#painting.errorLegend(), ink });
    else if (row)
      this.#legend.draw({
        ...{ name: `feature ${row.feature}`, unit: "", ends, scale: this.#painting.scaleOf(ends) },
        ...{ data: rangeOf(row, count), counts: null, ink },
      });
  }
}

// For prototypes over text: the text coloured by its likeness to one prototype, beside the span that prototype is.

import { div, h, numbered, pointed } from "../../core/dom";
import { allDigits, digits, pieces } from "../../core/format";
import { layers, swatchOf } from "../../core/linear";
import type { Sources, Store } from "./data";
import type { PicturesState } from "./pictures";
import { endsOf } from "./pictures";

/** A text as tokens that wrap; the marked ones are outlined. */
function tokens(texts: readonly string[], from: number, to: number, mark: string): HTMLElement[] {
  return texts.map((text, i) => {
    const span = h("span", { class: "pro-token", "data-i": i, "data-mark": i >= from && i < to && mark });
    for (const part of pieces(text))
      span.append(part.mark ? h("span", { class: "iw-mark" }, part.text) : part.text);
    return span;
  });
}

/** A few tokens of a text around a span, for a row of the list. */
export function excerpt(texts: readonly string[], from: number, to: number, mark: string): HTMLElement {
  const start = Math.max(0, from - 3);
  const parts = tokens(texts.slice(start, to + 4), from - start, to - start, mark);
  const line = div("pro-excerpt", start > 0 ? "…" : "", ...parts);
  line.title = texts.slice(start, to + 4).join("");
  return line;
}

export class TextPair {
  readonly el = div("pro-texts");
  readonly width = 460;
  readonly height = 20;
  #note = h("p", { class: "iw-note" });
  #text = div("pro-text");
  #sourceNote = h("p", { class: "iw-note" });
  #source = div("pro-text");
  #store: Store;
  #state: PicturesState | null = null;

  constructor(store: Store, tell: (words: string | null) => void, signal: AbortSignal) {
    this.#store = store;
    this.el.append(this.#note, this.#text, this.#sourceNote, this.#source);
    const hover = (i: number | null) => tell(i === null ? null : this.#words(i));
    pointed(this.#text, numbered("i"), { hover, click: () => {} }, signal);
  }

  #words(i: number): string | null {
    const { reading, prototype } = this.#state!;
    const value = this.#store.map(reading, prototype)?.values[i];
    return value === undefined
      ? null
      : `position ${i}: similarity ${digits(value)} to ${reading.name(prototype)}`;
  }

  update(state: PicturesState): void {
    this.#state = state;
    const { reading, prototype, label, heat, scales } = state;
    const ends = endsOf(reading);
    const scale = ends.signed ? scales.signed : scales.plain;
    const [from, to] = reading.span(prototype);
    const values = heat ? this.#store.map(reading, prototype)?.values : undefined;
    const spans = tokens(state.picture?.tokens?.texts ?? [], from, to, "here");
    spans.forEach((span, i) => {
      const value = values?.[i];
      if (value === undefined) return;
      span.title = `${i}: similarity ${allDigits(value)}`;
      if (Number.isNaN(value)) return;
      const swatch = swatchOf(value, ends, scale);
      span.style.background = layers(swatch, 0, 20).join(",");
      if (swatch.rgb) span.style.color = swatch.ink;
    });
    this.#text.replaceChildren(...spans);
    const high = digits(ends.high);
    this.#note.textContent = `${label} · coloured by similarity, ${digits(ends.low)} to ${high}`;
    const source = this.#store.source(reading.where.model, prototype);
    this.#sourceNote.textContent = reading.info.pushed
      ? sourceWords(prototype, source)
      : "Not pushed yet: this prototype is no training text.";
    const [start, stop] = source ? spanOf(source) : [0, 0];
    this.#source.replaceChildren(...tokens(source?.found.texts?.[source.at] ?? [], start, stop, "there"));
  }

  paint(): void {}
}

export function spanOf({ found, at }: { found: Sources; at: number }): [number, number] {
  return [found.boxes.data[2 * at]!, found.boxes.data[2 * at + 1]!];
}

export function sourceWords(p: number, source: { found: Sources; at: number } | undefined): string {
  if (!source) return `prototype ${p}`;
  const { found, at } = source;
  const number = found.indices.data[at]!;
  const kind = found.texts ? "text" : "image";
  return [`prototype ${p}`, number >= 0 ? `training ${kind} ${number}` : "", found.labels[at] ?? ""]
    .filter(Boolean)
    .join(" · ");
}

// Where a feature fires: its strongest examples and samples of each quantile, one line each, every line expandable.

import { button, div, h, on, watchWidth } from "../../core/dom";
import { digits, label } from "../../core/format";
import { Legend } from "../../core/legend";
import type { Requests } from "../../core/requests";
import {
  type Context,
  type Example,
  examplesOf,
  type FeatureAnswer,
  messageOf,
  type PackedExamples,
  type Piece,
  pieceOf,
} from "./data";
import { contextLine, type Painter, tokenRow, unitsOf } from "./line";

const STEP = 32; // tokens more on either side, each time
const SHARE = 0.56; // of the width before the peak
const CHARACTER = 7.3; // pixels of one in 12 px monospace

/** An expanded example, and why it cannot become longer. */
interface Open {
  piece: Piece;
  said: string;
}

export interface ExamplesState {
  feature: number;
  version: number;
  answer: FeatureAnswer;
  painter: Painter;
  fixed: boolean;
}

export class Examples {
  readonly el = div("feat-examples");
  #title = h("p", { class: "iw-note" });
  #legend = new Legend();
  #body = div("");
  #requests: Requests;
  /** A token under the pointer: its value, and what to say of it. */
  #say: (value: number | null, words: string) => void;
  #signal: AbortSignal;
  #state: ExamplesState | null = null;
  #lists = new Map<string, Example[]>();
  #open = new Map<Example, Open>();
  #chars = 56;
  /** The lines as they stand, for the saved picture. */
  lines: Piece[] = [];

  constructor(requests: Requests, say: (value: number | null, words: string) => void, signal: AbortSignal) {
    this.#requests = requests;
    this.#say = say;
    this.#signal = signal;
    this.#legend.el.title = "Activation, on a square-root scale that all examples of this feature share";
    this.el.append(div("feat-subhead", this.#title, this.#legend.el), this.#body);
    watchWidth(this.#body, signal, (width) => {
      this.#chars = Math.max(16, Math.floor((width - 104) / CHARACTER));
      this.#draw();
    });
    on(this.#body, "pointerover", (event) => this.#hovered(event.target as Element), signal);
    on(this.#body, "pointerleave", () => say(null, ""), signal);
  }

  /** Close whatever was expanded; tells whether anything was. */
  close(): boolean {
    const some = this.#open.size > 0;
    this.#open.clear();
    if (some) this.#draw();
    return some;
  }

  update(state: ExamplesState): void {
    const before = this.#state;
    this.#state = state;
    const { answer, painter } = state;
    if (before?.answer !== answer) {
      this.#open.clear();
      this.#lists = new Map(answer.totals.map(([name]) => [name, []]));
      for (const example of examplesOf(answer.examples)) this.#lists.get(example.group)?.push(example);
    }
    if (before?.answer !== answer || before.painter.scale !== painter.scale) this.#draw();
  }

  #draw(): void {
    const state = this.#state;
    if (!state) return;
    const { answer, painter, fixed } = state;
    const some = answer.totals.length > 0;
    this.#title.textContent = some
      ? "Where it fires, the strongest token aligned"
      : "It fires nowhere in this corpus.";
    this.#legend.el.hidden = !some;
    this.#legend.draw(painter.scale, painter.top);
    this.lines = [];
    const parts = answer.totals.flatMap(([name, total]) => {
      const list = this.#lists.get(name)!;
      const head = div("feat-group", name === "top" ? "strongest" : name);
      if (list.length < total)
        head.append(
          fixed
            ? ` · ${list.length} of ${total}`
            : button(`all ${total}`, "Show every example", () => void this.#fetch(name)),
        );
      return [head, ...list.map((example) => this.#line(example))];
    });
    // A button that had the keys is made anew: its line keeps them.
    const root = this.el.getRootNode() as ShadowRoot;
    const at = root.activeElement?.closest<HTMLElement>("[data-at]")?.dataset.at;
    this.#body.replaceChildren(...parts);
    this.#body.querySelector<HTMLElement>(`[data-at="${at}"] button`)?.focus({ preventScroll: true });
  }

  async #fetch(group: string): Promise<void> {
    const { feature, version, answer } = this.#state!;
    try {
      const found = await this.#requests.ask<PackedExamples>("examples", { feature, group, version });
      if (this.#signal.aborted || this.#state?.answer !== answer) return;
      this.#lists.set(group, examplesOf(found));
      this.#draw();
    } catch (error) {
      this.#say(null, messageOf(error));
    }
  }

  #line(example: Example): HTMLElement {
    const { painter, fixed } = this.#state!;
    const open = this.#open.get(example);
    const piece = open?.piece ?? example;
    const act = () => {
      if (!this.#open.delete(example)) this.#open.set(example, { piece: example, said: "" });
      this.#draw();
    };
    const value = button(digits(example.value), "Show the whole example, or one line of it", act);
    value.setAttribute("aria-expanded", String(Boolean(open)));
    const copy = button("copy", "Copy the text", () => {
      navigator.clipboard?.writeText(piece.texts.join("")).then(
        () => {
          copy.textContent = "copied";
        },
        (error) => this.#say(null, messageOf(error)),
      );
    });
    copy.className = "feat-copy";
    const row = div("feat-example", value);
    row.dataset.at = String(this.lines.push(piece) - 1);
    if (open) {
      const more = button("more context", "Show more of the document", () => void this.#widen(example, open));
      more.disabled = fixed || open.said !== "";
      const where = `document ${example.document}, token ${example.position}`;
      const said = fixed ? "more context needs the notebook" : open.said;
      row.append(
        div(
          "feat-open",
          tokenRow("feat-whole", unitsOf(piece), piece, painter),
          div("feat-acts", where, more, copy, said),
        ),
      );
    } else {
      const before = Math.floor(this.#chars * SHARE);
      const line = contextLine(piece, painter, before, this.#chars - before);
      on(line, "click", act);
      row.append(line, copy);
    }
    return row;
  }

  async #widen(example: Example, open: Open): Promise<void> {
    const { feature } = this.#state!;
    const { piece } = open;
    const [start, stop] = [Math.max(0, piece.start - STEP), piece.start + piece.texts.length + STEP];
    try {
      const asked = { feature, document: example.document, start, stop };
      const found = await this.#requests.ask<Context>("context", asked);
      open.piece = pieceOf(found, example);
      if (found.start === 0 && found.texts.length < stop) open.said = "the whole document";
      else if (found.texts.length === piece.texts.length) open.said = "the end of the document";
    } catch (error) {
      open.said = messageOf(error);
    }
    if (!this.#signal.aborted) this.#draw();
  }

  #hovered(target: Element): void {
    const i = Number(target.closest<HTMLElement>("[data-i]")?.dataset.i ?? Number.NaN);
    const piece = this.lines[Number(target.closest<HTMLElement>("[data-at]")?.dataset.at)];
    if (!piece || Number.isNaN(i)) {
      this.#say(null, "");
      return;
    }
    const value = piece.values[i];
    const said = value === undefined ? "value not kept" : digits(value);
    this.#say(
      value ?? null,
      `document ${piece.document}, token ${piece.start + i} “${label(piece.texts[i]!, 20)}”: ${said}`,
    );
  }
}

// The matrix: pinned features, the list of all that fire, and the error beneath them, over the same columns.

import { button, div, h, on } from "../../core/dom";
import { allDigits, digits } from "../../core/format";
import { shortly } from "../../core/linear";
import type { Page } from "../../core/page";
import { type Pen, penFor } from "../../core/pen";
import { countsOf, RangeLegend } from "../../core/range_legend";
import { Box } from "./box";
import { type Columns, columnsOf, revealed, scrolls } from "./columns";
import type { Data, Row, ViewInfo } from "./data";
import { HEAD, paintBand, paintHead, paintStrip, written } from "./heat";
import type { Painting } from "./painting";
import { NOWHERE, type Over, type State } from "./state";

const TALL = 12; // rows of the list in view
const MOST_PINS = 6;
const SHORT = 24; // texts that need no wider columns
const BEYOND = 28; // pixels that the last slanted token reaches over its column

export interface BoardEvents {
  hover(over: Over): void;
  lock(position: number): void;
  /** A row was clicked, perhaps at a token; `index` is its place in the list. */
  feature(feature: number, position: number | null, index: number | null): void;
  pin(feature: number): void;
}

export class Board {
  readonly el = div("fea-board");
  #pins: Box;
  #list: Box;
  #error: Box;
  #head = h("canvas", { "aria-hidden": true });
  #word = h("span");
  #headRow = div("fea-headrow", h("span", {}, "feature"), div("fea-headpic", this.#head), this.#word);
  #note = h("p", { class: "iw-note" });
  #bar = div("fea-bar", h("div"));
  #window = h("span");
  #zooming: HTMLElement;
  #legend = new RangeLegend();
  #errorLegend = new RangeLegend();
  #page: Page<ViewInfo>;
  #data: Data;
  #painting: Painting;
  #state: State | null = null;
  #width = 0;
  #zoom = 0;
  #scroll = 0;

  constructor(page: Page<ViewInfo>, data: Data, painting: Painting, events: BoardEvents) {
    this.#page = page;
    this.#data = data;
    this.#painting = painting;
    const { signal } = page;
    const box = (name: string, row: (index: number) => Row | null, listed: boolean) => {
      const number = (i: number | null) => (i === null ? null : (row(i)?.feature ?? null));
      return new Box(
        name,
        {
          row: (i) => this.#row(row(i)),
          paint: (pen, i, y) => {
            const found = row(i);
            if (found) paintStrip(pen, this.columns, painting.strip(found), y);
          },
          over: (pen, height) => this.#band(pen, height),
          hover: (i, position) => events.hover({ feature: number(i), position, error: false }),
          click: (i, position) => {
            const feature = number(i);
            if (feature !== null) events.feature(feature, position, listed ? i : null);
          },
          pin: (i) => {
            const feature = number(i);
            if (feature !== null) events.pin(feature);
          },
        },
        signal,
      );
    };
    this.#pins = box("Pinned features", (i) => data.row(this.#state?.pinned[i] ?? -1), false);
    this.#list = box("Features", (i) => this.#state && data.at(this.#state.order, this.#state.find, i), true);
    this.#error = new Box(
      "Error",
      {
        row: () => this.#errorRow(),
        paint: (pen, _, y) => {
          const strip = painting.error();
          if (strip) paintStrip(pen, this.columns, strip, y);
        },
        over: (pen, height) => this.#band(pen, height),
        hover: (i, position) => events.hover({ ...NOWHERE, position, error: i !== null }),
        click: (_, position) => position !== null && events.lock(position),
      },
      signal,
    );
    this.#zooming = div(
      "fea-zoom",
      button("−", "Narrower columns", () => this.rescale(-1)),
      button("+", "Wider columns", () => this.rescale(1)),
      this.#window,
    );
    on(
      this.#bar,
      "scroll",
      () => {
        if (Math.abs(this.#bar.scrollLeft - this.columns.scroll) < 1) return;
        this.#scroll = this.#bar.scrollLeft;
        this.paint();
      },
      signal,
      { passive: true },
    );
    const matrix = div("fea-matrix", this.#headRow, this.#pins.el, this.#list.el, this.#error.el);
    const legends = div("fea-legends", this.#legend.el, this.#errorLegend.el);
    this.el.append(this.#note, matrix, div("fea-under", this.#zooming, this.#bar), legends);
    on(
      matrix,
      "wheel",
      (event) => {
        const by = event.deltaX || (event.shiftKey ? event.deltaY : 0);
        if (by === 0 || this.#bar.hidden) return;
        event.preventDefault(); // or the browser goes a page back
        this.#bar.scrollLeft += by;
      },
      signal,
      { passive: false },
    );
    this.#error.watch(signal, (width) => {
      this.#width = width;
      page.update();
      this.reveal(this.#state?.position ?? null);
    });
  }

  get columns(): Columns {
    return columnsOf(this.#data.count, this.#width, this.#zoom, this.#scroll);
  }

  /** The rows in view. */
  get seen(): [number, number] {
    return this.#list.seen;
  }

  get about(): string {
    return this.#note.textContent ?? "";
  }

  /** Wider columns, or narrower ones, around the middle of the window. */
  rescale(by: number): void {
    const before = this.columns;
    const middle = (before.scroll + before.width / 2) / before.cell;
    const after = columnsOf(before.count, before.width, this.#zoom + by, 0);
    if (after.cell === before.cell) return;
    this.#zoom += by;
    this.#scroll = Math.max(0, middle * after.cell - after.width / 2);
    this.#page.update();
  }

  /** Another list, from its top; with another text, from its first token too. */
  restart(text: boolean): void {
    this.#list.top();
    if (text) this.#scroll = this.#zoom = 0;
  }

  reveal(position: number | null): void {
    if (position === null) return;
    this.#scroll = revealed(this.columns, position);
    this.#page.update();
  }

  revealRow(index: number): void {
    this.#list.reveal(index);
  }

  draw(state: State, total: number | null, at: number | null): void {
    this.#state = state;
    const { fonts } = this.#page.frame;
    const { columns } = this;
    this.#word.textContent = state.order;
    const pin = state.feature === null ? -1 : state.pinned.indexOf(state.feature);
    if (this.#width > 0) {
      this.#pins.update(state.pinned.length, pin < 0 ? null : pin, columns, fonts, MOST_PINS);
      this.#list.update(total ?? 0, at, columns, fonts, TALL);
      this.#error.update(1, null, columns, fonts, 1);
    }
    const { n_features, name, site_in, site_out, firing, variance } = this.#data.info;
    const from = site_in === site_out ? `at ${site_in}` : `from ${site_in} to ${site_out}`;
    const where = name === site_in ? from : `of ${name} ${from}`;
    const missed = variance === null ? "" : ` · unexplained variance ${digits(variance)}`;
    this.#note.textContent = `${firing.toLocaleString("en")} of ${n_features.toLocaleString("en")} features ${where} fire here${missed}`;
    const moves = scrolls(columns);
    this.#bar.hidden = !moves;
    this.#zooming.hidden = this.#data.count < SHORT;
    (this.#bar.firstElementChild as HTMLElement).style.width = `${columns.count * columns.cell}px`;
    if (moves && Math.abs(this.#bar.scrollLeft - columns.scroll) >= 1) this.#bar.scrollLeft = columns.scroll;
    this.#drawLegends();
  }

  /** What a pointer changes: the lines through the matrix and the tokens above it. */
  paint(state = this.#state): void {
    this.#state = state;
    const { columns } = this;
    if (this.#width === 0) return;
    const { count, cell, scroll, width } = columns;
    const last = Math.min(count, Math.ceil((scroll + width) / cell)) - 1;
    this.#window.textContent = scrolls(columns)
      ? `tokens ${Math.floor(scroll / cell)} to ${last} of ${count}`
      : "";
    for (const box of [this.#pins, this.#list, this.#error]) box.paint(columns);
    const shown = written(columns);
    this.#head.hidden = !shown;
    this.#headRow.toggleAttribute("data-bare", !shown);
    if (!shown) return;
    const pen = penFor(this.#head, columns.width + BEYOND, HEAD, this.#page.frame.fonts);
    paintHead(pen, columns, this.#data.info.tokens.texts, (i) => this.ink(i));
  }

  /** How a token's name is written above its column. */
  ink(position: number): { colour: string; bold: boolean } {
    const { quiet, accent, pin } = this.#page.colours;
    if (position === this.#state?.position) return { colour: pin, bold: true };
    return position === this.#state?.over.position
      ? { colour: accent, bold: true }
      : { colour: quiet, bold: false };
  }

  #row(row: Row | null): (Node | string)[] | null {
    if (!row || !this.#state) return null;
    const held = this.#state.pinned.includes(row.feature);
    const pin = button(held ? "◆" : "◇", held ? "Let go of it" : "Pin it", () => {});
    pin.className = "fea-pin";
    pin.setAttribute("aria-pressed", String(held));
    pin.tabIndex = -1; // the key p does it
    const value = row[this.#state.order as "max" | "mean" | "tokens" | "share"];
    const title = `max ${allDigits(row.max)} · mean ${allDigits(row.mean)} · ${row.tokens} tokens · share ${allDigits(row.share)}`;
    return [
      pin,
      h("span", { class: "iw-index" }, String(row.feature)),
      h("span", { class: "fea-label", title: row.label }, row.label),
      h("span"),
      h("span", { class: "iw-value", title }, shortly(value)),
    ];
  }

  #errorRow(): (Node | string)[] {
    const seen = Array.from(this.#painting.error()?.values ?? []).filter(Number.isFinite);
    const mean = seen.reduce((a, b) => a + b, 0) / seen.length;
    const title = `mean over the tokens: ${allDigits(mean)}`;
    return [
      h("span"),
      h("span", { class: "fea-error" }, "error"),
      h("span", { class: "fea-label fea-quiet" }, "what it misses"),
      h("span"),
      h("span", { class: "iw-value", title }, seen.length ? digits(mean) : "–"),
    ];
  }

  #band(pen: Pen, height: number): void {
    const { accent, pin } = this.#page.colours;
    const { columns } = this;
    const position = this.#state?.position ?? null;
    const over = this.#state?.over.position ?? null;
    if (position !== null) paintBand(pen, columns, position, height, pin);
    if (over !== null && over !== position) paintBand(pen, columns, over, height, accent);
  }

  #drawLegends(): void {
    const { ink } = this.#page.colours;
    const { range, broken } = this.#data.info;
    const ends = this.#painting.ends(null);
    const counts = { ...countsOf([], ends, () => false), nan: broken.length };
    this.#legend.draw({
      ...{ name: "features", unit: "", ends, scale: this.#painting.scaleOf(ends) },
      ...{ data: range, counts, ink },
    });
    this.#errorLegend.draw({ ...this.#painting.errorLegend(), ink });
  }
}

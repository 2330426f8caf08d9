// A box of rows: names and numbers as text, the heat of each row on one canvas over them.

import { h, on, onFrame, watchWidth } from "../../core/dom";
import { type Fonts, type Pen, penFor } from "../../core/pen";
import { Rows } from "../../core/rows";
import { type Columns, tokenAt } from "./columns";
import { ROW } from "./heat";

export interface BoxEvents {
  /** What stands in a row besides its heat; null while it is on its way. */
  row(index: number): (Node | string)[] | null;
  /** Paint a row's heat, its top at `y`. */
  paint(pen: Pen, index: number, y: number): void;
  /** Paint over all rows. */
  over(pen: Pen, height: number): void;
  hover(index: number | null, position: number | null): void;
  click(index: number, position: number | null): void;
  pin?(index: number): void;
}

export class Box {
  readonly el: HTMLElement;
  readonly #rows: Rows;
  #canvas = h("canvas", { "aria-hidden": true });
  #events: BoxEvents;
  #columns: Columns | null = null;
  #count = 0;
  #fonts: Fonts | null = null;

  constructor(name: string, events: BoxEvents, signal: AbortSignal) {
    this.#events = events;
    const at = (event: MouseEvent) => this.#at(event);
    let clicked: MouseEvent | null = null;
    this.#rows = new Rows(
      name,
      { row: (i) => events.row(i), click: (i) => events.click(i, clicked && at(clicked).position) },
      signal,
    );
    this.el = this.#rows.el;
    this.el.prepend(h("div", { class: "fea-heat" }, this.#canvas));
    const seen = onFrame(signal, () => this.paint());
    on(this.el, "scroll", seen, signal, { passive: true });
    on(
      this.el,
      "pointermove",
      (event) => {
        const { index, position } = at(event);
        events.hover(index, position);
      },
      signal,
    );
    on(this.el, "pointerleave", () => events.hover(null, null), signal);
    on(
      this.el,
      "click",
      (event) => {
        clicked = event;
        const target = event.target as Element;
        const row = target.closest<HTMLElement>("[data-row]");
        if (!row || !target.closest(".fea-pin")) return;
        event.stopPropagation(); // a row's own click would select it
        events.pin?.(Number(row.dataset.row));
      },
      signal,
      { capture: true },
    );
  }

  #at({ clientX, clientY }: MouseEvent): { index: number | null; position: number | null } {
    const box = this.el.getBoundingClientRect();
    const index = Math.floor((clientY - box.top - this.el.clientTop + this.el.scrollTop) / ROW);
    const left = this.#canvas.getBoundingClientRect().left;
    const position = this.#columns ? tokenAt(this.#columns, clientX - left) : null;
    return index >= 0 && index < this.#count ? { index, position } : { index: null, position: null };
  }

  /** Tell the room for columns, now and when it changes. */
  watch(signal: AbortSignal, changed: (width: number) => void): void {
    watchWidth(this.el.querySelector<HTMLElement>(".fea-heat")!, signal, changed);
  }

  update(count: number, chosen: number | null, columns: Columns, fonts: Fonts, most: number): void {
    this.#count = count;
    this.#columns = columns;
    this.#fonts = fonts;
    this.el.hidden = count === 0;
    this.el.style.height = `${ROW * Math.min(most, count) + 2}px`;
    this.#rows.update(count, chosen);
    this.paint();
  }

  /** The heat alone: what a pointer changes. */
  paint(columns = this.#columns): void {
    this.#columns = columns;
    if (!columns || !this.#fonts || this.#count === 0) return;
    const height = this.el.clientHeight || ROW * this.#count;
    const pen = penFor(this.#canvas, columns.width, height, this.#fonts);
    const top = this.el.scrollTop;
    const first = Math.floor(top / ROW);
    for (let i = first; i < Math.min(this.#count, Math.ceil((top + height) / ROW)); i++)
      this.#events.paint(pen, i, i * ROW - top);
    this.#events.over(pen, height);
  }

  get seen(): [number, number] {
    return this.#rows.seen;
  }

  top(): void {
    this.el.scrollTop = 0;
  }

  reveal(index: number): void {
    this.#rows.reveal(index);
  }

  focus(): void {
    this.el.focus({ preventScroll: true });
  }
}

// A long list of tall rows (pictures beside words) of which only those in view exist, each made once while it is seen.

import { div, h, numbered, on, onFrame } from "./dom";

export { default as tallRowsStyles } from "./tall_rows.css";

const OVERSCAN = 2;
// Browsers stop making boxes taller at about 2^24 pixels.
const TALLEST = 8_000_000;

export interface TallRowEvents {
  /** What stands in a row. */
  row(index: number, el: HTMLElement): void;
  click(index: number, event: MouseEvent): void;
  hover?(index: number | null, event: MouseEvent | null): void;
}

export class TallRows {
  readonly el = h("div", { class: "iw-tall", role: "listbox", tabindex: 0 });
  #sheet = div("iw-tall-sheet");
  #events: TallRowEvents;
  #height: number;
  #count = 0;
  #rows = new Map<number, HTMLElement>();
  #chosen: number | null = null;
  #hovered: number | null = null;

  constructor(name: string, height: number, events: TallRowEvents, signal: AbortSignal) {
    this.#height = height;
    this.#events = events;
    this.el.setAttribute("aria-label", name);
    this.el.append(this.#sheet);
    const draw = onFrame(signal, () => this.#fill());
    on(this.el, "scroll", draw, signal, { passive: true });
    const at = numbered("row");
    on(this.el, "pointermove", (event) => events.hover?.(at(event), event), signal);
    on(this.el, "pointerleave", () => events.hover?.(null, null), signal);
    on(
      this.el,
      "click",
      (event) => {
        const row = at(event);
        if (row !== null) events.click(row, event);
      },
      signal,
    );
    const seen = new ResizeObserver(draw);
    seen.observe(this.el);
    signal.addEventListener("abort", () => seen.disconnect(), { once: true });
  }

  /** The list has changed: rows in view are made anew. */
  update(count: number, chosen: number | null): void {
    // A button in a row may hold the keyboard; it goes back to the list, not to the page behind the widget.
    const within = (this.el.getRootNode() as ShadowRoot | Document).activeElement;
    const held = within !== null && within !== this.el && this.#sheet.contains(within);
    this.#count = count;
    this.#chosen = chosen;
    this.#rows.clear();
    this.#sheet.replaceChildren();
    this.#sheet.style.height = `${Math.min(TALLEST, count * this.#height)}px`;
    this.#fill();
    if (held) this.el.focus({ preventScroll: true });
  }

  mark(chosen: number | null, hovered: number | null): void {
    this.#chosen = chosen;
    this.#hovered = hovered;
    for (const [i, row] of this.#rows) this.#dress(i, row);
  }

  /** Scroll so that a row is seen; nothing moves when it is. */
  reveal(index: number): void {
    const height = this.el.clientHeight || 400;
    const [top, bottom] = [index * this.#height, (index + 1) * this.#height];
    if (top >= this.#top && bottom <= this.#top + height) return;
    const to = Math.max(0, Math.min(this.#count * this.#height - height, top - height / 2));
    this.el.scrollTop = to / this.#stretch;
    this.#fill();
  }

  /** How many pixels of the list one pixel of the scroll bar stands for. */
  get #stretch(): number {
    const height = this.el.clientHeight || 400;
    const whole = this.#count * this.#height - height;
    const shown = Math.min(TALLEST, this.#count * this.#height) - height;
    return shown > 0 ? whole / shown : 1;
  }

  get #top(): number {
    return this.el.scrollTop * this.#stretch;
  }

  /** The first and last row in view. */
  get seen(): [number, number] {
    const first = Math.floor(this.#top / this.#height);
    const last = Math.ceil((this.#top + (this.el.clientHeight || 400)) / this.#height) - 1;
    return [Math.max(0, first), Math.min(this.#count - 1, last)];
  }

  #dress(i: number, row: HTMLElement): void {
    row.setAttribute("aria-selected", String(i === this.#chosen));
    row.toggleAttribute("data-hovered", i === this.#hovered);
  }

  #fill(): void {
    const [from, to] = this.seen;
    const first = Math.max(0, from - OVERSCAN);
    const last = Math.min(this.#count - 1, to + OVERSCAN);
    for (const [i, row] of this.#rows) {
      if (i >= first && i <= last) continue;
      row.remove();
      this.#rows.delete(i);
    }
    const offset = this.el.scrollTop - this.#top;
    for (let i = first; i <= last; i++) {
      let row = this.#rows.get(i);
      if (!row) {
        row = h("div", {
          ...{ class: "iw-tall-row", role: "option", "data-row": i },
          style: `height:${this.#height}px`,
        });
        this.#rows.set(i, row);
        this.#events.row(i, row);
        this.#dress(i, row);
        this.#sheet.append(row);
      }
      row.style.top = `${(i * this.#height + offset).toFixed(0)}px`;
    }
  }
}

// Units as rows of image patches, however many: only rows in view exist, and each asks for its pictures when it does.

import { div, h, onFrame, watchWidth } from "./dom";
import { allDigits, digits } from "./format";
import { GalleryData, type GalleryState, nameOf, type Patches, type UnitNumbers } from "./gallery_data";
import { type GalleryEvents, GalleryUnit } from "./gallery_unit";
import type { Page } from "./page";
import type { Drawing } from "./save";
import { TallRows } from "./tall_rows";
import { type Albums, screen } from "./thumbnails";

export { default as galleryStyles } from "./gallery.css";

export { type GalleryInfo, orderOf, type UnitNumbers } from "./gallery_data";

const ROW = 80;
const GAP = 6;
const TALL = 562; // pixels of the list, at most
const NAMES = 132; // pixels of the column of names, as in gallery.css

export class Gallery {
  readonly el = div("iw-gallery");
  #data: GalleryData;
  #unit: GalleryUnit;
  #events: GalleryEvents;
  #rows: TallRows;
  #width = 0;
  #empty = h("p", { class: "iw-note", hidden: true });

  constructor(page: Page, albums: Albums, events: GalleryEvents) {
    const { signal } = page;
    this.#data = new GalleryData(page, albums);
    this.#unit = new GalleryUnit(this.#data, events);
    this.#events = events;
    this.#rows = new TallRows(
      "Units",
      ROW,
      {
        row: (i, el) => this.#row(i, el),
        click: (i, event) => this.#click(i, event),
        hover: (i, event) => this.#hover(i, event),
      },
      signal,
    );
    const list = div("iw-gallery-list", this.#empty, this.#rows.el);
    this.el.append(list, this.#unit.el);
    const redraw = onFrame(signal, () => this.#redraw());
    watchWidth(this.#rows.el, signal, (width) => {
      this.#width = width;
      redraw();
    });
  }

  /** The unit that is opened when the keyboard moves by so many rows. */
  next(by: number): number | null {
    const { order = [], unit } = this.#data.state ?? {};
    const at = unit === null || unit === undefined ? (by > 0 ? -1 : order.length) : order.indexOf(unit);
    return order[Math.max(0, Math.min(order.length - 1, at + by))] ?? null;
  }

  nextImage(by: number): number | null {
    return this.#unit.next(by);
  }

  reveal(unit: number | null): void {
    const at = unit === null ? -1 : (this.#data.state?.order.indexOf(unit) ?? -1);
    if (at >= 0) this.#rows.reveal(at);
  }

  update(state: GalleryState): void {
    this.#data.state = state;
    this.#redraw();
  }

  #redraw(): void {
    const { state } = this.#data;
    if (!state || this.#width === 0) return;
    const none = state.order.length === 0;
    this.#empty.hidden = !none;
    this.#empty.textContent = state.info.names.length
      ? "No unit is called so. Clear the search to see all."
      : "There are no units.";
    const chosen = state.unit === null ? -1 : state.order.indexOf(state.unit);
    this.#rows.el.hidden = none;
    this.#rows.el.style.height = `${Math.min(TALL, state.order.length * ROW + 2)}px`;
    this.#rows.update(state.order.length, chosen < 0 ? null : chosen);
    this.#unit.draw();
  }

  #patches(unit: number, every: boolean): Patches | undefined {
    return this.#data.patches(unit, every);
  }

  // A row.

  get #fits(): number {
    return Math.max(1, Math.floor((this.#width - (this.#narrow ? 8 : NAMES) - 16) / this.#step));
  }

  get #side(): number {
    return this.#narrow ? 54 : 64;
  }

  get #step(): number {
    return this.#side + GAP;
  }

  get #narrow(): boolean {
    return this.#width < 340;
  }

  #row(index: number, el: HTMLElement): void {
    const { info, order } = this.#data.state;
    const unit = order[index]!;
    const patches = this.#patches(unit, false);
    const numbers = this.#data.page.answers.wanted<UnitNumbers>("units", {}, { optional: true });
    const first = numbers?.first.data[unit];
    const value = h("span", { class: "iw-gallery-value" }, first === undefined ? "" : digits(first));
    if (first !== undefined) value.title = `Most extreme ${info.value_kind}: ${allDigits(first)}`;
    const label = info.labels[unit] ?? "";
    const name = h("b", { title: nameOf(info, unit) }, nameOf(info, unit));
    el.append(div("iw-gallery-name", name, h("span", { title: label }, label), value));
    el.toggleAttribute("data-narrow", this.#narrow);
    if (!patches?.indices.data.length) {
      const words = patches ? "no image" : this.#data.waiting("patches", this.#data.wanted(unit, false));
      el.append(h("span", { class: "iw-note" }, words));
      return;
    }
    const canvas = h("canvas", { role: "img" });
    canvas.setAttribute("aria-label", `${patches.indices.data.length} patches of ${nameOf(info, unit)}`);
    el.append(canvas);
    this.#strip(canvas, patches);
  }

  /** The patches of a row, as many as fit; the unit's own one first. */
  #strip(canvas: HTMLCanvasElement, patches: Patches, ratio = devicePixelRatio || 1): number {
    const own = patches.own ? 1 : 0;
    const count = Math.min(this.#fits, patches.indices.data.length + own);
    const width = count * this.#step + (own ? GAP : 0);
    const g = screen(canvas, width, this.#side, ratio);
    for (let at = 0; at < count - own; at++)
      this.#data.draw(g, patches, at, (at + own) * this.#step + (own ? GAP : 0), 0, this.#side);
    if (own) {
      this.#data.paint(g, patches.own!, 0, 0, 0, this.#side);
      g.fillStyle = this.#data.state.line;
      g.fillRect(this.#step + GAP / 2 - 1, 0, 1, this.#side);
    }
    return width;
  }

  /** Which patch of a row the pointer is over: -1 for the unit's own, null for none. */
  #at(index: number, event: MouseEvent): number | null {
    const canvas = (event.target as Element).closest(".iw-tall-row")?.querySelector("canvas");
    const patches = this.#patches(this.#data.state.order[index]!, false);
    if (!canvas || !patches) return null;
    const own = patches.own ? 1 : 0;
    const x = event.clientX - canvas.getBoundingClientRect().left;
    if (own && x >= 0 && x < this.#side) return -1;
    const at = Math.floor((x - (own ? this.#step + GAP : 0)) / this.#step);
    return at >= 0 && at < Math.min(this.#fits - own, patches.indices.data.length) ? at : null;
  }

  #hover(index: number | null, event: MouseEvent | null): void {
    const { order } = this.#data.state;
    const unit = index === null || event === null ? undefined : order[index];
    const words = (u: number) => this.#data.tell(u, this.#patches(u, false), this.#at(index!, event!));
    this.#events.hover(unit === undefined ? null : words(unit));
  }

  #click(index: number, event: MouseEvent): void {
    const unit = this.#data.state.order[index]!;
    const at = this.#at(index, event);
    const indices = this.#patches(unit, false)?.indices.data;
    this.#events.open(unit, at === null || at < 0 || !indices ? null : Number(indices[at]));
  }

  /** The rows in view. */
  drawing({ ink, quiet }: { ink: string; quiet: string }): Drawing {
    const { info, order } = this.#data.state;
    const [from, to] = this.#rows.seen;
    const units = order.slice(from, to + 1);
    return {
      width: NAMES + Math.max(this.#step, this.#fits * this.#step) + GAP,
      height: Math.max(1, units.length) * ROW,
      paint: (pen) => {
        units.forEach((unit, i) => {
          const y = i * ROW;
          pen.text(0, y + 24, nameOf(info, unit), { colour: ink, size: 12, bold: true });
          if (info.labels[unit]) pen.text(0, y + 42, info.labels[unit]!, { colour: quiet, size: 12 });
          const patches = this.#patches(unit, false);
          if (!patches?.indices.data.length) return;
          const canvas = document.createElement("canvas");
          const w = this.#strip(canvas, patches, 2);
          const whole = { x: 0, y: 0, w: canvas.width, h: canvas.height };
          pen.image(canvas, whole, { x: NAMES, y: y + 8, w, h: this.#side });
        });
      },
    };
  }
}

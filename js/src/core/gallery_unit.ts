// One unit of a gallery: all of its patches, and the image of one of them.

import { div, h, on, onFrame, watchWidth } from "./dom";
import { type GalleryData, nameOf, type Patches, type Small } from "./gallery_data";
import { drawPatch, type Edges, screen } from "./thumbnails";

const GAP = 6;
const CELL = 60;
const MOST = 200; // patches of one unit that are drawn at once
const LARGE = 232;

export interface GalleryEvents {
  open(unit: number, image: number | null): void;
  hover(words: string | null): void;
}

export class GalleryUnit {
  readonly el: HTMLElement;
  #data: GalleryData;
  #events: GalleryEvents;
  #title = h("p", { class: "iw-gallery-title" });
  #about = h("p", { class: "iw-note" });
  #grid = h("canvas", { class: "iw-gallery-grid", role: "img" });
  #large = h("canvas", { class: "iw-gallery-large", role: "img" });
  #caption = h("p", { class: "iw-note" });
  #columns = 1;

  constructor(data: GalleryData, events: GalleryEvents) {
    const { signal } = data.page;
    this.#data = data;
    this.#events = events;
    this.el = div("iw-gallery-side", this.#title, this.#about, this.#large, this.#caption, this.#grid);
    watchWidth(
      this.el,
      signal,
      onFrame(signal, () => this.draw()),
    );
    on(this.#grid, "pointermove", (event) => this.#hover(event), signal);
    on(this.#grid, "pointerleave", () => events.hover(null), signal);
    on(this.#grid, "click", (event) => this.#click(event), signal);
  }

  /** The image that is shown large when the keyboard moves by so many patches. */
  next(by: number): number | null {
    const indices = this.#data.all?.indices.data;
    if (!indices?.length) return null;
    const at = this.#data.state.image === null ? -1 : indices.indexOf(this.#data.state.image as never);
    return Number(indices[Math.max(0, Math.min(indices.length - 1, at < 0 ? 0 : at + by))]);
  }

  draw(): void {
    if (!this.#data.state) return;
    const { info, unit, image, end } = this.#data.state;
    const none = unit === null;
    for (const el of [this.#about, this.#grid, this.#large, this.#caption]) el.hidden = none;
    this.#title.hidden = none && info.names.length === 0;
    this.#title.textContent = none
      ? `Open a ${info.unit_kind} to see all of its images.`
      : nameOf(info, unit);
    if (none) return;
    const patches = this.#data.all;
    const count = patches?.indices.data.length ?? 0;
    const shown = Math.min(MOST, count);
    const over = info.n_images ? ` of ${info.n_images.toLocaleString("en")} images` : "";
    const about = [info.labels[unit], `${end} ${count}${over}`].filter(Boolean);
    if (count > shown) about.push(`the first ${shown} are drawn`);
    this.#about.textContent = patches
      ? about.join(" · ")
      : this.#data.waiting("patches", this.#data.wanted(unit, true));
    this.#grid.hidden = count === 0;
    if (patches && count) {
      const width = this.#grid.parentElement!.clientWidth || LARGE;
      this.#columns = Math.max(1, Math.floor((width + GAP) / (CELL + GAP)));
      const rows = Math.ceil(shown / this.#columns);
      this.#grid.setAttribute("aria-label", `${shown} patches of ${nameOf(info, unit)}`);
      const g = screen(this.#grid, this.#columns * (CELL + GAP) - GAP, rows * (CELL + GAP) - GAP);
      for (let at = 0; at < shown; at++) {
        const [x, y] = [(at % this.#columns) * (CELL + GAP), Math.floor(at / this.#columns) * (CELL + GAP)];
        this.#data.draw(g, patches, at, x, y, CELL);
      }
    }
    // Without a chosen one the most extreme is shown, so that nothing moves when one is.
    const chosen = image === null ? -1 : (patches?.indices.data.indexOf(image as never) ?? -1);
    this.#drawLarge(unit, count ? Math.max(0, chosen) : -1, patches, end);
  }

  #drawLarge(unit: number, at: number, patches: Patches | undefined, end: string): void {
    this.#large.hidden = at < 0;
    this.#caption.textContent = "";
    if (at < 0 || !patches) return;
    const params = { unit, at, end };
    const found = this.#data.page.answers.wanted<Small>("exemplar", params, { optional: true });
    this.#large.hidden = !found;
    this.#caption.textContent = found
      ? this.#data.words(patches, at).join(" · ")
      : this.#data.waiting("exemplar", params);
    if (!found) return;
    const { height, width } = this.#data.albums.of(found.pixels);
    const scale = LARGE / Math.max(height, width);
    const g = screen(this.#large, width * scale, height * scale);
    const box = [...found.boxes.data.subarray(0, 4)].map(Number) as unknown as Edges;
    const patch = { album: this.#data.albums.of(found.pixels), index: 0, box, whole: true };
    drawPatch(g, patch, { x: 0, y: 0, w: width * scale, h: height * scale }, this.#data.state.pin);
  }

  #cell(event: MouseEvent): number | null {
    const box = this.#grid.getBoundingClientRect();
    const [column, row] = [
      Math.floor((event.clientX - box.left) / (CELL + GAP)),
      Math.floor((event.clientY - box.top) / (CELL + GAP)),
    ];
    const at = row * this.#columns + column;
    const count = Math.min(MOST, this.#data.all?.indices.data.length ?? 0);
    return column >= 0 && column < this.#columns && at >= 0 && at < count ? at : null;
  }

  #hover(event: MouseEvent): void {
    const at = this.#cell(event);
    const { unit } = this.#data.state;
    this.#events.hover(at === null || unit === null ? null : this.#data.tell(unit, this.#data.all, at));
  }

  #click(event: MouseEvent): void {
    const at = this.#cell(event);
    const { unit } = this.#data.state;
    if (at !== null && unit !== null) this.#events.open(unit, Number(this.#data.all!.indices.data[at]));
  }
}
